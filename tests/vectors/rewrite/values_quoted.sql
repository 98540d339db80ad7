--- Claims with every awkward character become constants of the tree, never text that is pasted.
-- policy name=p on=shared.orders using=a = :quote and b = :backslash and c = :comment and d = :unicode and e = any(:list) and f = :number and g = :flag and h = :day
-- claim quote text = ' OR 'a' = 'a
-- claim backslash text = \' OR 1=1 --
-- claim comment text = */ OR true /*
-- claim unicode text = Zoë 😀 $1 :quote
-- claim list text[] = {NULL,"a",',\}
-- claim number numeric = -12.50
-- claim flag bool = true
-- claim day date = 2024-02-29
-- tenant acme schemas sales=t_acme

-- case: all of them
SELECT id FROM shared.orders
-- expect:
SELECT id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.a = ''' OR ''a'' = ''a'::pg_catalog.text and rg_r.b = '\'' OR 1=1 --'::pg_catalog.text and rg_r.c = '*/ OR true /*'::pg_catalog.text and rg_r.d = 'Zoë 😀 $1 :quote'::pg_catalog.text and rg_r.e = any(ARRAY['NULL', '"a"', '''', '\']::pg_catalog.text[]) and rg_r.f = '-12.50'::pg_catalog."numeric" and rg_r.g = 'true'::pg_catalog.bool and rg_r.h = '2024-02-29'::pg_catalog.date) SELECT * FROM rg_m) AS orders

-- case: twice
SELECT a.id FROM shared.orders a, shared.orders b
-- expect:
SELECT a.id FROM (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.a = ''' OR ''a'' = ''a'::pg_catalog.text and rg_r.b = '\'' OR 1=1 --'::pg_catalog.text and rg_r.c = '*/ OR true /*'::pg_catalog.text and rg_r.d = 'Zoë 😀 $1 :quote'::pg_catalog.text and rg_r.e = any(ARRAY['NULL', '"a"', '''', '\']::pg_catalog.text[]) and rg_r.f = '-12.50'::pg_catalog."numeric" and rg_r.g = 'true'::pg_catalog.bool and rg_r.h = '2024-02-29'::pg_catalog.date) SELECT * FROM rg_m) a, (WITH rg_m AS MATERIALIZED (SELECT * FROM shared.orders AS rg_r WHERE rg_r.a = ''' OR ''a'' = ''a'::pg_catalog.text and rg_r.b = '\'' OR 1=1 --'::pg_catalog.text and rg_r.c = '*/ OR true /*'::pg_catalog.text and rg_r.d = 'Zoë 😀 $1 :quote'::pg_catalog.text and rg_r.e = any(ARRAY['NULL', '"a"', '''', '\']::pg_catalog.text[]) and rg_r.f = '-12.50'::pg_catalog."numeric" and rg_r.g = 'true'::pg_catalog.bool and rg_r.h = '2024-02-29'::pg_catalog.date) SELECT * FROM rg_m) b

