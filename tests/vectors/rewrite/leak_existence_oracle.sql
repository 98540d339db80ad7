--- leaks.md existence_oracle: the refusal is the same whether the thing exists or not.
-- use standard.policy

-- case: a schema that exists
SELECT * FROM t_globex.orders
-- refuse: 42501 relation.not_allowed

-- case: a schema that does not
SELECT * FROM t_nobody.orders
-- refuse: 42501 relation.not_allowed

-- case: a relation that does not
SELECT * FROM t_globex.no_such_relation
-- refuse: 42501 relation.not_allowed

-- case: a catalogue that is refused
SELECT * FROM pg_catalog.pg_authid
-- refuse: 42501 relation.not_allowed

-- case: a catalogue that does not exist
SELECT * FROM pg_catalog.pg_no_such
-- refuse: 42501 relation.not_allowed

