--- leaks.md foreign_object: functions, operators, types, collations of other schemas.
-- use standard.policy

-- case: function of a schema
SELECT public.f()
-- refuse: 42501 function.not_allowed

-- case: function of the own schema
SELECT sales.f(1)
-- refuse: 42501 function.not_allowed

-- case: function of the physical schema
SELECT t_acme.f(1)
-- refuse: 42501 function.not_allowed

-- case: function that is not known
SELECT no_such_function(1)
-- refuse: 42501 function.not_allowed

-- case: function of pg_temp
SELECT pg_temp.lower(1)
-- refuse: 42501 function.not_allowed

-- case: operator of a schema
SELECT 1 OPERATOR(public.+) 2
-- refuse: 42501 operator.not_allowed

-- case: operator of a schema in ORDER BY
SELECT 1 ORDER BY 1 USING OPERATOR(public.<)
-- refuse: 42501 operator.not_allowed

-- case: operator of a schema in ANY
SELECT 1 OPERATOR(sales.=) ANY (ARRAY[1])
-- refuse: 42501 operator.not_allowed

-- case: type of a schema
SELECT 'a'::public.mood
-- refuse: 42501 type.not_allowed

-- case: type of the own schema
SELECT 'a'::t_acme.mood
-- refuse: 42501 type.not_allowed

-- case: unknown type
SELECT 'a'::mood
-- refuse: 42501 type.not_allowed

-- case: composite type of a relation
SELECT NULL::t_globex.orders
-- refuse: 42501 type.not_allowed

-- case: collation of a schema
SELECT 'a' COLLATE public.mine
-- refuse: 42501 collation.not_allowed

-- case: type in a column list
SELECT * FROM json_to_record('{}') AS x (a public.mood)
-- refuse: 42501 type.not_allowed

-- case: type of XMLTABLE
SELECT * FROM XMLTABLE('a' PASSING ('<a/>'::xml) COLUMNS x public.mood)
-- refuse: 42501 type.not_allowed

-- case: aggregate of a schema
SELECT public.my_sum(id) FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: window function of a schema
SELECT public.my_rank() OVER () FROM sales.a
-- refuse: 42501 function.not_allowed

-- case: function as a column
SELECT (a).f.g FROM sales.a WHERE public.f(a)
-- refuse: 42501 function.not_allowed

