--- The queries of TPC-H over a mixture: orders and customer are shared, all else is the tenant's own.
-- policy name=own on=sales.* isolation=schema
-- policy name=tenant on=common.orders,common.customer using=tenant_id = :tenant_id
-- claim tenant_id text = acme
-- tenant acme schemas sales=t_acme
-- search_path common,sales

-- case: query 1
select l_returnflag, l_linestatus, sum(l_quantity) as sum_qty, sum(l_extendedprice) as sum_base_price, sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, avg(l_quantity) as avg_qty, count(*) as count_order
from lineitem where l_shipdate <= date '1998-12-01' - interval '90' day group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus
-- expect:
select l_returnflag, l_linestatus, pg_catalog.sum(l_quantity) as sum_qty, pg_catalog.sum(l_extendedprice) as sum_base_price, pg_catalog.sum(l_extendedprice * (1 - l_discount)) as sum_disc_price, pg_catalog.avg(l_quantity) as avg_qty, pg_catalog.count(*) as count_order
from t_acme.lineitem where l_shipdate <= pg_catalog.date '1998-12-01' - interval '90' day group by l_returnflag, l_linestatus order by l_returnflag, l_linestatus

-- case: query 2
select s_acctbal, s_name, n_name, p_partkey from part, supplier, partsupp, nation, region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size = 15 and p_type like '%BRASS' and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE'
and ps_supplycost = (select min(ps_supplycost) from partsupp, supplier, nation, region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE') order by s_acctbal desc, n_name limit 100
-- expect:
select s_acctbal, s_name, n_name, p_partkey from t_acme.part, t_acme.supplier, t_acme.partsupp, t_acme.nation, t_acme.region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and p_size = 15 and p_type like '%BRASS' and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE'
and ps_supplycost = (select pg_catalog.min(ps_supplycost) from t_acme.partsupp, t_acme.supplier, t_acme.nation, t_acme.region where p_partkey = ps_partkey and s_suppkey = ps_suppkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'EUROPE') order by s_acctbal desc, n_name limit 100

-- case: query 3
select l_orderkey, sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority from customer, orders, lineitem where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < date '1995-03-15' and l_shipdate > date '1995-03-15' group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10
-- expect:
select l_orderkey, pg_catalog.sum(l_extendedprice * (1 - l_discount)) as revenue, o_orderdate, o_shippriority from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders, t_acme.lineitem where c_mktsegment = 'BUILDING' and c_custkey = o_custkey and l_orderkey = o_orderkey and o_orderdate < pg_catalog.date '1995-03-15' and l_shipdate > pg_catalog.date '1995-03-15' group by l_orderkey, o_orderdate, o_shippriority order by revenue desc, o_orderdate limit 10

-- case: query 4
select o_orderpriority, count(*) as order_count from orders where o_orderdate >= date '1993-07-01' and o_orderdate < date '1993-07-01' + interval '3' month and exists (select * from lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate) group by o_orderpriority order by o_orderpriority
-- expect:
select o_orderpriority, pg_catalog.count(*) as order_count from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders where o_orderdate >= pg_catalog.date '1993-07-01' and o_orderdate < pg_catalog.date '1993-07-01' + interval '3' month and exists (select * from t_acme.lineitem where l_orderkey = o_orderkey and l_commitdate < l_receiptdate) group by o_orderpriority order by o_orderpriority

-- case: query 5
select n_name, sum(l_extendedprice * (1 - l_discount)) as revenue from customer, orders, lineitem, supplier, nation, region where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA' group by n_name order by revenue desc
-- expect:
select n_name, pg_catalog.sum(l_extendedprice * (1 - l_discount)) as revenue from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders, t_acme.lineitem, t_acme.supplier, t_acme.nation, t_acme.region where c_custkey = o_custkey and l_orderkey = o_orderkey and l_suppkey = s_suppkey and c_nationkey = s_nationkey and s_nationkey = n_nationkey and n_regionkey = r_regionkey and r_name = 'ASIA' group by n_name order by revenue desc

-- case: query 6
select sum(l_extendedprice * l_discount) as revenue from lineitem where l_shipdate >= date '1994-01-01' and l_shipdate < date '1994-01-01' + interval '1' year and l_discount between .06 - 0.01 and .06 + 0.01 and l_quantity < 24
-- expect:
select pg_catalog.sum(l_extendedprice * l_discount) as revenue from t_acme.lineitem where l_shipdate >= pg_catalog.date '1994-01-01' and l_shipdate < pg_catalog.date '1994-01-01' + interval '1' year and l_discount between .06 - 0.01 and .06 + 0.01 and l_quantity < 24

-- case: query 7
select supp_nation, cust_nation, l_year, sum(volume) as revenue from (select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume from supplier, lineitem, orders, customer, nation n1, nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey) as shipping group by supp_nation, cust_nation, l_year order by supp_nation, cust_nation, l_year
-- expect:
select supp_nation, cust_nation, l_year, pg_catalog.sum(volume) as revenue from (select n1.n_name as supp_nation, n2.n_name as cust_nation, extract(year from l_shipdate) as l_year, l_extendedprice * (1 - l_discount) as volume from t_acme.supplier, t_acme.lineitem, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer, t_acme.nation n1, t_acme.nation n2 where s_suppkey = l_suppkey and o_orderkey = l_orderkey and c_custkey = o_custkey and s_nationkey = n1.n_nationkey and c_nationkey = n2.n_nationkey) as shipping group by supp_nation, cust_nation, l_year order by supp_nation, cust_nation, l_year

-- case: query 8
select o_year, sum(case when nation = 'BRAZIL' then volume else 0 end) / sum(volume) as mkt_share from (select extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation from part, supplier, lineitem, orders, customer, nation n1, nation n2, region where p_partkey = l_partkey and s_suppkey = l_suppkey and l_orderkey = o_orderkey) as all_nations group by o_year order by o_year
-- expect:
select o_year, pg_catalog.sum(case when nation = 'BRAZIL' then volume else 0 end) / pg_catalog.sum(volume) as mkt_share from (select extract(year from o_orderdate) as o_year, l_extendedprice * (1 - l_discount) as volume, n2.n_name as nation from t_acme.part, t_acme.supplier, t_acme.lineitem, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer, t_acme.nation n1, t_acme.nation n2, t_acme.region where p_partkey = l_partkey and s_suppkey = l_suppkey and l_orderkey = o_orderkey) as all_nations group by o_year order by o_year

-- case: query 11
select ps_partkey, sum(ps_supplycost * ps_availqty) as value from partsupp, supplier, nation where ps_suppkey = s_suppkey group by ps_partkey having sum(ps_supplycost * ps_availqty) > (select sum(ps_supplycost * ps_availqty) * 0.0001 from partsupp, supplier, nation where ps_suppkey = s_suppkey) order by value desc
-- expect:
select ps_partkey, pg_catalog.sum(ps_supplycost * ps_availqty) as value from t_acme.partsupp, t_acme.supplier, t_acme.nation where ps_suppkey = s_suppkey group by ps_partkey having pg_catalog.sum(ps_supplycost * ps_availqty) > (select pg_catalog.sum(ps_supplycost * ps_availqty) * 0.0001 from t_acme.partsupp, t_acme.supplier, t_acme.nation where ps_suppkey = s_suppkey) order by value desc

-- case: query 12
select l_shipmode, sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high_line_count from orders, lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') group by l_shipmode order by l_shipmode
-- expect:
select l_shipmode, pg_catalog.sum(case when o_orderpriority = '1-URGENT' or o_orderpriority = '2-HIGH' then 1 else 0 end) as high_line_count from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders, t_acme.lineitem where o_orderkey = l_orderkey and l_shipmode in ('MAIL', 'SHIP') group by l_shipmode order by l_shipmode

-- case: query 13
select c_count, count(*) as custdist from (select c_custkey, count(o_orderkey) from customer left outer join orders on c_custkey = o_custkey and o_comment not like '%special%requests%' group by c_custkey) as c_orders (c_custkey, c_count) group by c_count order by custdist desc, c_count desc
-- expect:
select c_count, pg_catalog.count(*) as custdist from (select c_custkey, pg_catalog.count(o_orderkey) from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer left outer join (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders on c_custkey = o_custkey and o_comment not like '%special%requests%' group by c_custkey) as c_orders (c_custkey, c_count) group by c_count order by custdist desc, c_count desc

-- case: query 14
select 100.00 * sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / sum(l_extendedprice * (1 - l_discount)) as promo_revenue from lineitem, part where l_partkey = p_partkey
-- expect:
select 100.00 * pg_catalog.sum(case when p_type like 'PROMO%' then l_extendedprice * (1 - l_discount) else 0 end) / pg_catalog.sum(l_extendedprice * (1 - l_discount)) as promo_revenue from t_acme.lineitem, t_acme.part where l_partkey = p_partkey

-- case: query 15
with revenue0 (supplier_no, total_revenue) as (select l_suppkey, sum(l_extendedprice * (1 - l_discount)) from lineitem group by l_suppkey) select s_suppkey, s_name, total_revenue from supplier, revenue0 where s_suppkey = supplier_no and total_revenue = (select max(total_revenue) from revenue0) order by s_suppkey
-- expect:
with revenue0 (supplier_no, total_revenue) as (select l_suppkey, pg_catalog.sum(l_extendedprice * (1 - l_discount)) from t_acme.lineitem group by l_suppkey) select s_suppkey, s_name, total_revenue from t_acme.supplier, revenue0 where s_suppkey = supplier_no and total_revenue = (select pg_catalog.max(total_revenue) from revenue0) order by s_suppkey

-- case: query 16
select p_brand, p_type, count(distinct ps_suppkey) as supplier_cnt from partsupp, part where p_partkey = ps_partkey and p_brand <> 'Brand#45' and p_size in (49, 14, 23) and ps_suppkey not in (select s_suppkey from supplier where s_comment like '%Customer%Complaints%') group by p_brand, p_type order by supplier_cnt desc
-- expect:
select p_brand, p_type, pg_catalog.count(distinct ps_suppkey) as supplier_cnt from t_acme.partsupp, t_acme.part where p_partkey = ps_partkey and p_brand <> 'Brand#45' and p_size in (49, 14, 23) and ps_suppkey not in (select s_suppkey from t_acme.supplier where s_comment like '%Customer%Complaints%') group by p_brand, p_type order by supplier_cnt desc

-- case: query 17
select sum(l_extendedprice) / 7.0 as avg_yearly from lineitem, part where p_partkey = l_partkey and l_quantity < (select 0.2 * avg(l_quantity) from lineitem where l_partkey = p_partkey)
-- expect:
select pg_catalog.sum(l_extendedprice) / 7.0 as avg_yearly from t_acme.lineitem, t_acme.part where p_partkey = l_partkey and l_quantity < (select 0.2 * pg_catalog.avg(l_quantity) from t_acme.lineitem where l_partkey = p_partkey)

-- case: query 18
select c_name, o_orderkey, sum(l_quantity) from customer, orders, lineitem where o_orderkey in (select l_orderkey from lineitem group by l_orderkey having sum(l_quantity) > 300) and c_custkey = o_custkey group by c_name, o_orderkey order by o_orderkey limit 100
-- expect:
select c_name, o_orderkey, pg_catalog.sum(l_quantity) from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders, t_acme.lineitem where o_orderkey in (select l_orderkey from t_acme.lineitem group by l_orderkey having pg_catalog.sum(l_quantity) > 300) and c_custkey = o_custkey group by c_name, o_orderkey order by o_orderkey limit 100

-- case: query 20
select s_name from supplier, nation where s_suppkey in (select ps_suppkey from partsupp where ps_partkey in (select p_partkey from part where p_name like 'forest%') and ps_availqty > (select 0.5 * sum(l_quantity) from lineitem where l_partkey = ps_partkey)) order by s_name
-- expect:
select s_name from t_acme.supplier, t_acme.nation where s_suppkey in (select ps_suppkey from t_acme.partsupp where ps_partkey in (select p_partkey from t_acme.part where p_name like 'forest%') and ps_availqty > (select 0.5 * pg_catalog.sum(l_quantity) from t_acme.lineitem where l_partkey = ps_partkey)) order by s_name

-- case: query 21
select s_name, count(*) as numwait from supplier, lineitem l1, orders where s_suppkey = l1.l_suppkey and exists (select * from lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey) and not exists (select * from lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_receiptdate > l3.l_commitdate) group by s_name order by numwait desc limit 100
-- expect:
select s_name, pg_catalog.count(*) as numwait from t_acme.supplier, t_acme.lineitem l1, (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders where s_suppkey = l1.l_suppkey and exists (select * from t_acme.lineitem l2 where l2.l_orderkey = l1.l_orderkey and l2.l_suppkey <> l1.l_suppkey) and not exists (select * from t_acme.lineitem l3 where l3.l_orderkey = l1.l_orderkey and l3.l_receiptdate > l3.l_commitdate) group by s_name order by numwait desc limit 100

-- case: query 22
select cntrycode, count(*) as numcust, sum(c_acctbal) as totacctbal from (select substring(c_phone from 1 for 2) as cntrycode, c_acctbal from customer where substring(c_phone from 1 for 2) in ('13', '31') and c_acctbal > (select avg(c_acctbal) from customer where c_acctbal > 0.00) and not exists (select * from orders where o_custkey = c_custkey)) as custsale group by cntrycode order by cntrycode
-- expect:
select cntrycode, pg_catalog.count(*) as numcust, pg_catalog.sum(c_acctbal) as totacctbal from (select substring(c_phone from 1 for 2) as cntrycode, c_acctbal from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer where substring(c_phone from 1 for 2) in ('13', '31') and c_acctbal > (select pg_catalog.avg(c_acctbal) from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.customer AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS customer where c_acctbal > 0.00) and not exists (select * from (WITH rg_m AS MATERIALIZED (SELECT * FROM common.orders AS rg_r WHERE rg_r.tenant_id = 'acme'::pg_catalog.text) SELECT * FROM rg_m) AS orders where o_custkey = c_custkey)) as custsale group by cntrycode order by cntrycode

