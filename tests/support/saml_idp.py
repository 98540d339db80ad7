# SPDX-License-Identifier: Apache-2.0
"""A SAML identity provider without a server: its metadata, and signed Responses to what a browser was sent with. For what needs
no real provider (those are in simplesaml.py and keycloak.py).

    provider = SamlIdp(directory)                       # writes saml-idp.xml there
    request = provider.read(location)                   # .id, .acs, .relay_state of an AuthnRequest by redirect
    form = provider.answer(request, "alice", tenant_id="...")       # the fields that a browser posts
    url = provider.logout_url(slo_url, "alice@example.com")
"""

import base64
import datetime
import pathlib
import types
import urllib.parse
import xml.etree.ElementTree
import zlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

ENTITY = "urn:rowgate:tests:idp"
PROTOCOL, ASSERTION = "urn:oasis:names:tc:SAML:2.0:protocol", "urn:oasis:names:tc:SAML:2.0:assertion"
DSIG, MORE = "http://www.w3.org/2000/09/xmldsig#", "http://www.w3.org/2001/04/xmldsig-more#"
C14N = "http://www.w3.org/2001/10/xml-exc-c14n#"
METADATA = """<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity}"><md:IDPSSODescriptor
protocolSupportEnumeration="{protocol}"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{dsig}"><ds:X509Data><ds:X509Certificate>
{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleLogoutService
Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.invalid/slo"/><md:SingleSignOnService
Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.invalid/sso"/></md:IDPSSODescriptor>
</md:EntityDescriptor>
"""


def stamp(seconds=0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(data):
    return base64.b64encode(data).decode()


class SamlIdp:
    def __init__(self, directory):
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp")])
        now = datetime.datetime.now(datetime.timezone.utc)
        certificate = (x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(self.key.public_key())
                       .serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=30))
                       .sign(self.key, hashes.SHA256()))
        text = METADATA.format(entity=ENTITY, protocol=PROTOCOL, dsig=DSIG,
                               certificate=encoded(certificate.public_bytes(serialization.Encoding.DER)))
        self.file = pathlib.Path(directory) / "saml-idp.xml"
        self.file.write_text(text)
        self.count = 0

    def sign(self, data):
        return encoded(self.key.sign(data, padding.PKCS1v15(), hashes.SHA256()))

    @staticmethod
    def read(location):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
        root = xml.etree.ElementTree.fromstring(zlib.decompress(base64.b64decode(query["SAMLRequest"]), -15))
        return types.SimpleNamespace(id=root.get("ID"), acs=root.get("AssertionConsumerServiceURL"), relay_state=query["RelayState"])

    def signature(self, text, identifier):
        """The signature over text, which is an element without it; ElementTree's canonical form is the exclusive one here, where
        every namespace is used."""
        digest = hashes.Hash(hashes.SHA256())
        digest.update(xml.etree.ElementTree.canonicalize(text).encode())
        info = (f'<ds:SignedInfo xmlns:ds="{DSIG}"><ds:CanonicalizationMethod Algorithm="{C14N}"></ds:CanonicalizationMethod>'
                f'<ds:SignatureMethod Algorithm="{MORE}rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#{identifier}">'
                f'<ds:Transforms><ds:Transform Algorithm="{DSIG}enveloped-signature"></ds:Transform><ds:Transform Algorithm="{C14N}">'
                '</ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256">'
                f"</ds:DigestMethod><ds:DigestValue>{encoded(digest.finalize())}</ds:DigestValue></ds:Reference></ds:SignedInfo>")
        return (f'<ds:Signature xmlns:ds="{DSIG}">{info}<ds:SignatureValue>{self.sign(info.encode())}</ds:SignatureValue>'
                "</ds:Signature>")

    def answer(self, request, name, entity_id, **attributes):
        self.count += 1
        identifier = f"_assertion{self.count}"
        values = "".join(f'<saml:Attribute Name="{key}"><saml:AttributeValue>{value}</saml:AttributeValue></saml:Attribute>'
                         for key, value in attributes.items())
        head = f'<saml:Assertion xmlns:saml="{ASSERTION}" ID="{identifier}" IssueInstant="{stamp()}" Version="2.0"><saml:Issuer>{ENTITY}</saml:Issuer>'
        rest = (f'<saml:Subject><saml:NameID>{name}</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
                f'<saml:SubjectConfirmationData InResponseTo="{request.id}" NotOnOrAfter="{stamp(300)}" Recipient="{request.acs}"/>'
                f'</saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="{stamp(-10)}" NotOnOrAfter="{stamp(300)}">'
                f"<saml:AudienceRestriction><saml:Audience>{entity_id}</saml:Audience></saml:AudienceRestriction></saml:Conditions>"
                f'<saml:AuthnStatement AuthnInstant="{stamp()}" SessionIndex="s{self.count}"><saml:AuthnContext/></saml:AuthnStatement>'
                f"<saml:AttributeStatement>{values}</saml:AttributeStatement></saml:Assertion>")
        assertion = head + self.signature(head + rest, identifier) + rest
        text = (f'<samlp:Response xmlns:samlp="{PROTOCOL}" ID="_response{self.count}" Version="2.0" IssueInstant="{stamp()}" '
                f'Destination="{request.acs}" InResponseTo="{request.id}"><samlp:Status><samlp:StatusCode '
                f'Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>{assertion}</samlp:Response>')
        return {"SAMLResponse": encoded(text.encode()), "RelayState": request.relay_state}

    def logout_url(self, slo_url, name, index=None):
        """A signed LogoutRequest by redirect."""
        self.count += 1
        indexes = f"<samlp:SessionIndex>{index}</samlp:SessionIndex>" if index else ""
        text = (f'<samlp:LogoutRequest xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" ID="_logout{self.count}" Version="2.0" '
                f'IssueInstant="{stamp()}" Destination="{slo_url}"><saml:Issuer>{ENTITY}</saml:Issuer><saml:NameID>{name}</saml:NameID>'
                f"{indexes}</samlp:LogoutRequest>")
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        query = urllib.parse.urlencode({"SAMLRequest": encoded(packer.compress(text.encode()) + packer.flush()), "RelayState": "back",
                                        "SigAlg": f"{MORE}rsa-sha256"})
        return f"{slo_url}?{query}&" + urllib.parse.urlencode({"Signature": self.sign(query.encode())})
