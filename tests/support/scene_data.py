# SPDX-License-Identifier: Apache-2.0
"""The data of the scene: the same tables for two tenants, with words and numbers that only one of them has.

    CANARIES["globex"]                 words that must never reach acme
    schema_sql("acme", "t_acme")       the DDL and rows of PostgreSQL
    hyper_statements("acme")           those of the tenant's .hyper file
"""

TENANTS = ("acme", "globex")
REGIONS = ("North", "South", "West")
STATES = ("paid", "shipped", "returned")
CHANNELS = ("shop", "partner", "telephone")
ORDERS = 720
# What each tenant's people, articles and notes are called. No word of one is part of a word of the other.
WORDS = {
    "acme": {"names": ("Aachen Anvils", "Bremen Bolts", "Celle Clamps", "Dresden Drills", "Essen Engines", "Fulda Files"),
             "countries": ("Austria", "Germany", "Switzerland"), "note": "kingfisher", "factor": 3, "visits": 11},
    "globex": {"names": ("Quito Quartz", "Recife Rings", "Sucre Silver", "Tacna Topaz", "Ushuaia Umber", "Valdivia Velvet"),
               "countries": ("Argentina", "Bolivia", "Chile"), "note": "nightingale", "factor": 7, "visits": 29},
}
CANARIES = {tenant: (*words["names"], *words["countries"], words["note"]) for tenant, words in WORDS.items()}

SCHEMA = """
CREATE SCHEMA {schema};
CREATE TABLE {schema}.customers (id int PRIMARY KEY, name text NOT NULL, country text NOT NULL);
CREATE TABLE {schema}.orders (id int PRIMARY KEY, customer_id int NOT NULL REFERENCES {schema}.customers (id), region text NOT NULL,
  state text NOT NULL, amount numeric(12,2) NOT NULL, placed timestamp NOT NULL, note text NOT NULL);
CREATE INDEX ON {schema}.orders (customer_id);
COMMENT ON TABLE {schema}.orders IS 'orders of {note}';
INSERT INTO {schema}.customers SELECT i, (ARRAY[{names}])[i], (ARRAY[{countries}])[(i - 1) % 3 + 1] FROM generate_series(1, 6) i;
INSERT INTO {schema}.orders SELECT i, i % 6 + 1, (ARRAY['North', 'South', 'West'])[(i / 5) % 3 + 1],
  (ARRAY['paid', 'shipped', 'paid', 'returned'])[i % 4 + 1], (80 + i % 90 + i / 4) * {factor} + 0.25,
  timestamp '2026-01-01 08:00' + i * interval '11 hours', '{note} ' || lpad(i::text, 4, '0') FROM generate_series(1, {orders}) i;
"""

# The virtual dataset: a WITH item and a join.
CUSTOMER_REVENUE = """\
WITH totals AS (
  SELECT customer_id, state, count(*) AS orders, sum(amount) AS revenue
  FROM sales.orders GROUP BY customer_id, state
)
SELECT c.name AS customer, c.country, t.state, t.orders, t.revenue
FROM totals t JOIN sales.customers c ON c.id = t.customer_id"""


def schema_sql(tenant, schema):
    words = WORDS[tenant]
    quoted = {name: ", ".join(f"'{text}'" for text in words[name]) for name in ("names", "countries")}
    return SCHEMA.format(schema=schema, orders=ORDERS, note=words["note"], factor=words["factor"], **quoted)


def hyper_statements(tenant):
    """For a connection to the tenant's own .hyper file, in Tableau's own schema."""
    words = WORDS[tenant]
    return ('CREATE SCHEMA "Extract"',
            'CREATE TABLE "Extract".visits (day date NOT NULL, channel text NOT NULL, visits int NOT NULL, note text NOT NULL)',
            f"""INSERT INTO "Extract".visits SELECT date '2026-01-01' + i % 180, CASE i % 3 WHEN 0 THEN 'shop' WHEN 1 THEN 'partner'
                ELSE 'telephone' END, {words['visits']} * (1 + i % 13) * (1 + i % 3), '{words['note']} visit' FROM generate_series(1, 540) AS g(i)""")


def orders(tenant):
    """The rows of sales.orders as Python knows them: id, region, state, amount, note."""
    words = WORDS[tenant]
    states = ("paid", "shipped", "paid", "returned")
    return [(i, REGIONS[i // 5 % 3], states[i % 4], (80 + i % 90 + i // 4) * words["factor"] + 0.25, f"{words['note']} {i:04}")
            for i in range(1, ORDERS + 1)]


def revenue(tenant, region=None):
    return sum(amount for _, place, _, amount, _ in orders(tenant) if region in (None, place))


def visits(tenant):
    return sum(WORDS[tenant]["visits"] * (1 + i % 13) * (1 + i % 3) for i in range(1, 541))
