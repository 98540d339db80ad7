SELECT min(y."select") FROM (VALUES (1e2, 5, 0.5), (NOT 3, 1e2), (2.5, 40, 0.0)) AS e (v0, v1, v2), sales."Odd Table" AS y WHERE (NULL::bool OR (10.0, NULL::bool))
