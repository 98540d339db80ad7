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
-- allow

-- case: twice
SELECT a.id FROM shared.orders a, shared.orders b
-- allow

