SELECT ALL abs(sign(1e2)::int::float8) FROM (VALUES ('7')) AS o (v0) RIGHT OUTER JOIN shared.currencies AS q ON o.v0 LIKE 'z%\' WHERE (coalesce(lower(region), 'none')) LIKE 'own\_%' ESCAPE '\'
