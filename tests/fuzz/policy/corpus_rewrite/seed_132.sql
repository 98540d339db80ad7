UPDATE sales."Odd Table" SET "select" = normalize("select", NFC) WHERE (sales."Odd Table"."select") IS NULL
