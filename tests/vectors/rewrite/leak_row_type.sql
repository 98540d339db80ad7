--- leaks.md row_type: system columns tell of physical neighbours and of other transactions.
-- use standard.policy

-- case: ctid of an own relation
SELECT ctid FROM sales.orders
-- refuse: ?

-- case: xmin, qualified
SELECT o.xmin FROM sales.orders o
-- refuse: ?

-- case: tableoid
SELECT tableoid FROM sales.orders
-- refuse: ?

-- case: tableoid as regclass
SELECT tableoid::regclass FROM sales.orders
-- refuse: ?

-- case: ctid in WHERE
SELECT 1 FROM sales.orders WHERE ctid = '(0,1)'
-- refuse: ?

-- case: xmax of a row
SELECT (o).xmax FROM sales.orders o
-- refuse: ?

-- case: cmin in ORDER BY
SELECT 1 FROM sales.orders ORDER BY cmin
-- refuse: ?

-- case: ctid of a shared relation
SELECT ctid FROM shared.orders
-- refuse: ?

-- case: quoted
SELECT "ctid" FROM sales.orders
-- refuse: ?

-- case: schema-qualified
SELECT sales.orders.ctid FROM sales.orders
-- refuse: ?

