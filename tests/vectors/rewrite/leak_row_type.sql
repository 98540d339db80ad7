--- leaks.md row_type: system columns tell of physical neighbours and of other transactions.
-- use standard.policy

-- case: ctid of an own relation
SELECT ctid FROM sales.orders
-- refuse: 42501 column.system

-- case: xmin, qualified
SELECT o.xmin FROM sales.orders o
-- refuse: 42501 column.system

-- case: tableoid
SELECT tableoid FROM sales.orders
-- refuse: 42501 column.system

-- case: tableoid as regclass
SELECT tableoid::regclass FROM sales.orders
-- refuse: 42501 column.system

-- case: ctid in WHERE
SELECT 1 FROM sales.orders WHERE ctid = '(0,1)'
-- refuse: 42501 column.system

-- case: xmax of a row
SELECT (o).xmax FROM sales.orders o
-- refuse: 0A000 sql.field

-- case: cmin in ORDER BY
SELECT 1 FROM sales.orders ORDER BY cmin
-- refuse: 42501 column.system

-- case: ctid of a shared relation
SELECT ctid FROM shared.orders
-- refuse: 42501 column.system

-- case: quoted
SELECT "ctid" FROM sales.orders
-- refuse: 42501 column.system

-- case: schema-qualified
SELECT sales.orders.ctid FROM sales.orders
-- refuse: 42501 column.system

