UPDATE sales."Odd Table" SET "Mixed Case" = mod(("Odd Table"."Mixed Case"), 4) WHERE sqrt((sales."Odd Table"."Mixed Case") - 66600005) >= 0 RETURNING "select"
