SELECT length(z::text), ARRAY[[1, 2], [3, 4]] FROM string_to_table('a,b,c', ',') AS (f) z ORDER BY 1, 2 NULLS FIRST LIMIT 8
