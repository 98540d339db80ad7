SELECT 0.25::float8 AS tenant_id FROM string_to_table('a,b,c', ',') WITH ORDINALITY AS "Mixed" (f, nr), shared.orders AS e LEFT JOIN (VALUES ('new'), ('new')) AS q (v0) ON e.code = q.v0
