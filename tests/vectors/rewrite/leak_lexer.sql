--- leaks.md lexer: bytes that the server could read otherwise than the proxy.
-- use standard.policy

-- case: standard_conforming_strings off
SET standard_conforming_strings = off
-- refuse: 42501 setting.value

-- case: client_encoding SJIS
SET client_encoding = 'SJIS'
-- refuse: 42501 setting.value

-- case: SET NAMES GBK
SET NAMES 'GBK'
-- refuse: 42501 setting.value

-- case: backslash before a quote
SELECT '\' AS a, ' FROM t_globex.orders -- '
-- unchanged

-- case: invalid UTF-8
-- escaped
SELECT '\xbf\x5c'
-- refuse: 22021 sql.encoding

-- case: overlong slash
-- escaped
SELECT '\xc0\xaf'
-- refuse: 22021 sql.encoding

-- case: surrogate
-- escaped
SELECT '\xed\xa0\x80'
-- refuse: 22021 sql.encoding

-- case: NUL
-- escaped
SELECT 1\x00; DROP TABLE x
-- refuse: 22021 sql.encoding

-- case: unfinished string
SELECT 'a
-- refuse: 42601 sql.syntax

-- case: unfinished comment
SELECT 1 /* a
-- refuse: 42601 sql.syntax

-- case: unfinished quoted name
SELECT * FROM "sales
-- refuse: 42601 sql.syntax

-- case: unfinished dollar quote
SELECT $a$ b
-- refuse: 42601 sql.syntax

-- case: not SQL
HELLO WORLD
-- refuse: 42601 sql.syntax

-- case: a psql command
\d orders
-- refuse: 42601 sql.syntax

-- case: invalid unicode escape
SELECT U&'\00g0'
-- refuse: 42601 sql.syntax

-- case: no-break space between words
SELECT 1
-- refuse: 42601 sql.syntax

