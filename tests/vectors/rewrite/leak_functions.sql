--- Attacks on [functions]: text_sql_func, admin_func, foreign_object.
-- use functions.policy

-- case: own function that is not listed
SELECT sales.other(1)
-- refuse: 42501 function.not_allowed

-- case: too few arguments
SELECT sales.margin()
-- refuse: 42501 function.not_allowed

-- case: too many arguments
SELECT sales.margin(1, 2, 3)
-- refuse: 42501 function.not_allowed

-- case: function of another tenant's schema
SELECT t_globex.margin(1, 2)
-- refuse: 42501 function.not_allowed

-- case: by its physical schema
SELECT t_acme.margin(1, 2)
-- refuse: 42501 function.not_allowed

-- case: of a schema that the route does not map
SELECT globex.total(1)
-- refuse: 42501 function.not_allowed

-- case: of public
SELECT public.margin(1, 2)
-- refuse: 42501 function.not_allowed

-- case: as if it were PostgreSQL's own
SELECT pg_catalog.margin(1, 2)
-- refuse: 42501 function.not_allowed

-- case: with a database
SELECT bi.sales.margin(1, 2)
-- refuse: 42501 function.not_allowed

-- case: a listed name in another schema
SELECT other.margin(1, 2)
-- refuse: 42501 function.not_allowed

-- case: allowed and denied
SELECT sales.denied(1)
-- refuse: 42501 function.not_allowed

-- case: allowed and denied, by the path
SELECT denied(1)
-- refuse: 42501 function.not_allowed

-- case: denied of the built-in list
SELECT lower('A')
-- refuse: 42501 function.not_allowed

-- case: name in another case
SELECT sales."Margin"(1, 2)
-- refuse: 42501 function.not_allowed

-- case: VARIADIC
SELECT sales.margin(1, VARIADIC ARRAY[2])
-- refuse: 42501 function.not_allowed

-- case: named arguments
SELECT sales.margin(a => 1, b => 2)
-- refuse: 42501 function.not_allowed

-- case: DISTINCT
SELECT sales.margin(DISTINCT 1, 2)
-- refuse: 42501 function.not_allowed

-- case: as a window function
SELECT sales.margin(1, 2) OVER () FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: with FILTER
SELECT sales.margin(1, 2) FILTER (WHERE true) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: with ORDER BY
SELECT sales.margin(1, 2 ORDER BY 1) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: of all rows
SELECT sales.margin(*) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: ALL
SELECT sales.margin(ALL 1, 2)
-- refuse: 0A000 sql.check

-- case: denied function as an argument
SELECT sales.margin(pg_sleep(10)::text::numeric, 1)
-- refuse: 42501 function.not_allowed

-- case: foreign relation in an argument
SELECT sales.margin((SELECT max(id) FROM t_globex.orders), 1)
-- refuse: 42501 relation.not_allowed

-- case: name as an argument
SELECT sales.margin(id::regclass::text::numeric, to_regclass('t_globex.orders')::oid::numeric) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: called as a column
SELECT x.margin FROM sales.rows_of(1) AS x
-- refuse: 42501 column.function

-- case: PostgreSQL's own with other arguments than listed
SELECT scale_up(1)
-- refuse: 42501 function.not_allowed

-- case: cursor, whose FETCH would call it
DECLARE c CURSOR FOR SELECT sales.margin(1, 2)
-- refuse: 0A000 statement.cursor

-- case: CALL
CALL sales.margin(1, 2)
-- refuse: 42501 statement.function

-- case: of all rows, without arguments
SELECT sales.now_(*) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: denied name of PostgreSQL's own
SELECT pg_catalog.rows_of(1)
-- refuse: 42501 function.not_allowed

