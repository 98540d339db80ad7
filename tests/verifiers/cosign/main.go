// SPDX-License-Identifier: Apache-2.0

// Command cosign opens a cosigned checkpoint with code of the Go project (golang.org/x/mod/sumdb/note) and of Trust
// Fabric (github.com/transparency-dev/formats/note, C2SP tlog-cosignature): nothing here checks a signature itself.
//
// usage: cosign WITNESS-VKEY < NOTE
//
// Prints the cosignature's time in seconds since 1970 and the checkpoint's text. Exit status: 0 it holds, 1 it does not.
package main

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	formats "github.com/transparency-dev/formats/note"
	"golang.org/x/mod/sumdb/note"
)

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// asEd25519 changes the type in a key of cosignatures (0x04) into that of notes (0x01), which this version of the
// library expects; the id of the signature it computes by itself, with 0x04.
func asEd25519(vkey string) (string, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return "", errors.New("no verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 33 || key[0] != 4 {
		return "", errors.New("no key of cosignatures")
	}
	key[0] = 1
	return parts[0] + "+" + parts[1] + "+" + base64.StdEncoding.EncodeToString(key), nil
}

func main() {
	vkey, err := asEd25519(os.Args[1])
	if err != nil {
		fail(err)
	}
	verifier, err := formats.NewVerifierForCosignatureV1(vkey)
	if err != nil {
		fail(err)
	}
	bytes, err := io.ReadAll(os.Stdin)
	if err != nil {
		fail(err)
	}
	opened, err := note.Open(bytes, note.VerifierList(verifier))
	if err != nil {
		fail(err)
	}
	when, err := formats.CoSigV1Timestamp(opened.Sigs[0])
	if err != nil {
		fail(err)
	}
	fmt.Printf("%d\n%s", when.Unix(), opened.Text)
}
