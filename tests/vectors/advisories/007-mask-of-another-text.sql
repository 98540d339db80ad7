--- A mask that keeps some characters works on a value's text, and what that is, the session's settings say. Of a date,
--- 2020**-** and **.01.2020 tell all; a time whose date is shown changes that date when the zone reaches it; hashes of
--- one row in one zone and of another row in another zone are equal when the rows are that far apart.
-- use masks.policy

-- case: the order of a date's parts
SET LOCAL DateStyle = 'SQL, DMY'
-- refuse: 42501 setting.value

-- case: the zone
SET LOCAL TimeZone = '+05:30'
-- refuse: 42501 setting.value

-- case: the zone, in SQL's words
SET LOCAL TIME ZONE 'Europe/Berlin'
-- refuse: 42501 setting.value

-- case: the zone as an interval
SET LOCAL TIME ZONE INTERVAL '-08:00' HOUR TO MINUTE
-- refuse: 42501 setting.value

-- case: the style of intervals
SET LOCAL IntervalStyle = sql_standard
-- refuse: 42501 setting.value

-- case: fewer digits
SET LOCAL extra_float_digits = -10
-- refuse: 42501 setting.value

-- case: a name in other letters
SET LOCAL "DATESTYLE" TO German
-- refuse: 42501 setting.value

-- case: what they are anyway
SET LOCAL TimeZone = 'UTC'
-- expect:
SET standard_conforming_strings = on

-- case: back to what they are anyway
SET LOCAL DateStyle TO DEFAULT
-- expect:
SET standard_conforming_strings = on
