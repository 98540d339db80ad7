--- age(xid) counts from a given transaction to the present one. A catalogue column of type xid gave a caller's text that
--- type: age(COALESCE('700', relfrozenxid)) followed how much every tenant writes. No catalogue has that type now.
-- use standard.policy

-- case: a cast
SELECT age('700'::xid)
-- refuse: 42501 type.not_allowed

-- case: a parameter
PREPARE p (xid) AS SELECT age($1)
-- refuse: 42501 type.not_allowed

