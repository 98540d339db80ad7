--- leaks.md copy: COPY of a relation is not a sub-select; files and programs are the server's.
-- use standard.policy

-- case: relation to the client
COPY sales.orders TO STDOUT
-- refuse: ?

-- case: shared relation to the client
COPY shared.orders TO STDOUT
-- refuse: ?

-- case: columns of a shared relation
COPY shared.orders (id) TO STDOUT
-- refuse: ?

-- case: from the client
COPY sales.orders FROM STDIN
-- refuse: ?

-- case: from a file
COPY sales.orders FROM '/etc/passwd'
-- refuse: ?

-- case: to a file
COPY (SELECT 1) TO '/tmp/x'
-- refuse: ?

-- case: to a program
COPY (SELECT 1) TO PROGRAM 'curl x'
-- refuse: ?

-- case: from a program
COPY sales.orders FROM PROGRAM 'id'
-- refuse: ?

-- case: of a write
COPY (DELETE FROM sales.orders RETURNING *) TO STDOUT
-- refuse: ?

-- case: with a WHERE
COPY sales.orders FROM STDIN WHERE id > 1
-- refuse: ?

-- case: in another encoding
COPY (SELECT 1) TO STDOUT (ENCODING 'SJIS')
-- refuse: ?

