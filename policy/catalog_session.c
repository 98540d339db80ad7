/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/catalog_private.h"

/* The catalogues that describe the cluster or the session: one row made of the session's own facts, an allow-list, or
 * nothing at all. The empty ones name no table, so that not even the planner's statistics are asked. Data only. */

CATALOG_SELECT(pg_database) = FENCED(
    "SELECT d.oid, CAST(:rg_database AS pg_catalog.name) AS datname, " OWNER
    " AS datdba, d.encoding, d.datlocprovider, false AS datistemplate, true AS datallowconn, -1 AS "
    "datconnlimit, '0'::pg_catalog.text AS datfrozenxid, '0'::pg_catalog.text AS datminmxid, "
    "1663::pg_catalog.oid AS dattablespace, d.datcollate, d.datctype, d.daticulocale, d.datcollversion, "
    "NULL::pg_catalog.text[] AS datacl FROM pg_catalog.pg_database AS d WHERE d.datname = "
    "pg_catalog.current_database()");

CATALOG_SELECT(pg_roles) =
    "SELECT CAST(:rg_user AS pg_catalog.name) AS rolname, false AS rolsuper, true AS rolinherit, false "
    "AS rolcreaterole, false AS rolcreatedb, true AS rolcanlogin, false AS rolreplication, -1 AS "
    "rolconnlimit, '********'::pg_catalog.text AS rolpassword, NULL::pg_catalog.timestamptz AS "
    "rolvaliduntil, false AS rolbypassrls, NULL::pg_catalog.text[] AS rolconfig, " OWNER " AS oid";

CATALOG_SELECT(pg_user) =
    "SELECT CAST(:rg_user AS pg_catalog.name) AS usename, " OWNER
    " AS usesysid, false AS usecreatedb, false AS usesuper, false AS userepl, false AS usebypassrls, "
    "'********'::pg_catalog.text AS passwd, NULL::pg_catalog.timestamptz AS valuntil, "
    "NULL::pg_catalog.text[] AS useconfig";

CATALOG_SELECT(pg_stat_activity) =
    "SELECT NULL::pg_catalog.oid AS datid, CAST(:rg_database AS pg_catalog.name) AS datname, :rg_pid AS "
    "pid, NULL::pg_catalog.int4 AS leader_pid, " OWNER
    " AS usesysid, CAST(:rg_user AS pg_catalog.name) AS usename, NULL::pg_catalog.text AS "
    "application_name, NULL::pg_catalog.inet AS client_addr, NULL::pg_catalog.text AS client_hostname, "
    "NULL::pg_catalog.int4 AS client_port, NULL::pg_catalog.timestamptz AS backend_start, "
    "NULL::pg_catalog.timestamptz AS xact_start, NULL::pg_catalog.timestamptz AS query_start, "
    "NULL::pg_catalog.timestamptz AS state_change, NULL::pg_catalog.text AS wait_event_type, "
    "NULL::pg_catalog.text AS wait_event, 'active'::pg_catalog.text AS state, NULL::pg_catalog.text AS "
    "backend_xid, NULL::pg_catalog.text AS backend_xmin, NULL::pg_catalog.int8 AS query_id, "
    "NULL::pg_catalog.text AS query, 'client backend'::pg_catalog.text AS backend_type";

CATALOG_SELECT(pg_settings) = FENCED(
    "SELECT s.name, s.setting, s.unit, s.category, s.short_desc, s.extra_desc, s.context, s.vartype, "
    "'default'::pg_catalog.text AS source, s.min_val, s.max_val, s.enumvals, s.boot_val, s.reset_val, "
    "NULL::pg_catalog.text AS sourcefile, NULL::pg_catalog.int4 AS sourceline, false AS pending_restart "
    "FROM pg_catalog.pg_settings AS s WHERE s.name IN " HARMLESS_SETTINGS);

CATALOG_SELECT(pg_auth_members) =
    "SELECT NULL::pg_catalog.oid AS roleid, NULL::pg_catalog.oid AS member, NULL::pg_catalog.oid AS "
    "grantor, NULL::pg_catalog.bool AS admin_option WHERE false";

CATALOG_SELECT(pg_event_trigger) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS evtname, NULL::pg_catalog.name AS "
    "evtevent, NULL::pg_catalog.oid AS evtowner, NULL::pg_catalog.oid AS evtfoid, "
    "NULL::pg_catalog.\"char\" AS evtenabled, NULL::pg_catalog.text[] AS evttags WHERE false";

CATALOG_SELECT(pg_foreign_data_wrapper) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS fdwname, NULL::pg_catalog.oid AS "
    "fdwowner, NULL::pg_catalog.oid AS fdwhandler, NULL::pg_catalog.oid AS fdwvalidator, "
    "NULL::pg_catalog.text[] AS fdwacl, NULL::pg_catalog.text[] AS fdwoptions WHERE false";

CATALOG_SELECT(pg_foreign_server) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS srvname, NULL::pg_catalog.oid AS "
    "srvowner, NULL::pg_catalog.oid AS srvfdw, NULL::pg_catalog.text AS srvtype, NULL::pg_catalog.text "
    "AS srvversion, NULL::pg_catalog.text[] AS srvacl, NULL::pg_catalog.text[] AS srvoptions WHERE false";

CATALOG_SELECT(pg_foreign_table) =
    "SELECT NULL::pg_catalog.oid AS ftrelid, NULL::pg_catalog.oid AS ftserver, NULL::pg_catalog.text[] "
    "AS ftoptions WHERE false";

CATALOG_SELECT(pg_policies) =
    "SELECT NULL::pg_catalog.name AS schemaname, NULL::pg_catalog.name AS tablename, "
    "NULL::pg_catalog.name AS policyname, NULL::pg_catalog.text AS permissive, NULL::pg_catalog.name[] "
    "AS roles, NULL::pg_catalog.text AS cmd, NULL::pg_catalog.text AS qual, NULL::pg_catalog.text AS "
    "with_check WHERE false";

CATALOG_SELECT(pg_policy) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS polname, NULL::pg_catalog.oid AS "
    "polrelid, NULL::pg_catalog.\"char\" AS polcmd, NULL::pg_catalog.bool AS polpermissive, "
    "NULL::pg_catalog.oid[] AS polroles, NULL::pg_catalog.pg_node_tree AS polqual, "
    "NULL::pg_catalog.pg_node_tree AS polwithcheck WHERE false";

CATALOG_SELECT(pg_publication) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS pubname, NULL::pg_catalog.oid AS "
    "pubowner, NULL::pg_catalog.bool AS puballtables, NULL::pg_catalog.bool AS pubinsert, "
    "NULL::pg_catalog.bool AS pubupdate, NULL::pg_catalog.bool AS pubdelete, NULL::pg_catalog.bool AS "
    "pubtruncate, NULL::pg_catalog.bool AS pubviaroot WHERE false";

CATALOG_SELECT(pg_publication_namespace) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS pnpubid, NULL::pg_catalog.oid AS "
    "pnnspid WHERE false";

CATALOG_SELECT(pg_publication_rel) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS prpubid, NULL::pg_catalog.oid AS "
    "prrelid, NULL::pg_catalog.pg_node_tree AS prqual, NULL::pg_catalog.int2vector AS prattrs WHERE false";

CATALOG_SELECT(pg_publication_tables) =
    "SELECT NULL::pg_catalog.name AS pubname, NULL::pg_catalog.name AS schemaname, NULL::pg_catalog.name "
    "AS tablename, NULL::pg_catalog.name[] AS attnames, NULL::pg_catalog.text AS rowfilter WHERE false";

CATALOG_SELECT(pg_rewrite) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.name AS rulename, NULL::pg_catalog.oid AS "
    "ev_class, NULL::pg_catalog.\"char\" AS ev_type, NULL::pg_catalog.\"char\" AS ev_enabled, "
    "NULL::pg_catalog.bool AS is_instead, NULL::pg_catalog.pg_node_tree AS ev_qual, "
    "NULL::pg_catalog.pg_node_tree AS ev_action WHERE false";

CATALOG_SELECT(pg_rules) = "SELECT NULL::pg_catalog.name AS schemaname, NULL::pg_catalog.name AS tablename, "
                           "NULL::pg_catalog.name AS rulename, NULL::pg_catalog.text AS definition WHERE false";

CATALOG_SELECT(pg_seclabel) =
    "SELECT NULL::pg_catalog.oid AS objoid, NULL::pg_catalog.oid AS classoid, NULL::pg_catalog.int4 AS "
    "objsubid, NULL::pg_catalog.text AS provider, NULL::pg_catalog.text AS label WHERE false";

CATALOG_SELECT(pg_seclabels) =
    "SELECT NULL::pg_catalog.oid AS objoid, NULL::pg_catalog.oid AS classoid, NULL::pg_catalog.int4 AS "
    "objsubid, NULL::pg_catalog.text AS objtype, NULL::pg_catalog.oid AS objnamespace, "
    "NULL::pg_catalog.text AS objname, NULL::pg_catalog.text AS provider, NULL::pg_catalog.text AS label "
    "WHERE false";

CATALOG_SELECT(pg_shdescription) =
    "SELECT NULL::pg_catalog.oid AS objoid, NULL::pg_catalog.oid AS classoid, NULL::pg_catalog.text AS "
    "description WHERE false";

CATALOG_SELECT(pg_statistic_ext) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS stxrelid, NULL::pg_catalog.name AS "
    "stxname, NULL::pg_catalog.oid AS stxnamespace, NULL::pg_catalog.oid AS stxowner, "
    "NULL::pg_catalog.int4 AS stxstattarget, NULL::pg_catalog.int2vector AS stxkeys, "
    "NULL::pg_catalog.\"char\"[] AS stxkind, NULL::pg_catalog.pg_node_tree AS stxexprs WHERE false";

CATALOG_SELECT(pg_subscription) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS subdbid, NULL::pg_catalog.pg_lsn AS "
    "subskiplsn, NULL::pg_catalog.name AS subname, NULL::pg_catalog.oid AS subowner, "
    "NULL::pg_catalog.bool AS subenabled, NULL::pg_catalog.bool AS subbinary, NULL::pg_catalog.bool AS "
    "substream, NULL::pg_catalog.\"char\" AS subtwophasestate, NULL::pg_catalog.bool AS subdisableonerr, "
    "NULL::pg_catalog.text AS subconninfo, NULL::pg_catalog.name AS subslotname, NULL::pg_catalog.text "
    "AS subsynccommit, NULL::pg_catalog.text[] AS subpublications WHERE false";

CATALOG_SELECT(pg_trigger) =
    "SELECT NULL::pg_catalog.oid AS oid, NULL::pg_catalog.oid AS tgrelid, NULL::pg_catalog.oid AS "
    "tgparentid, NULL::pg_catalog.name AS tgname, NULL::pg_catalog.oid AS tgfoid, NULL::pg_catalog.int2 "
    "AS tgtype, NULL::pg_catalog.\"char\" AS tgenabled, NULL::pg_catalog.bool AS tgisinternal, "
    "NULL::pg_catalog.oid AS tgconstrrelid, NULL::pg_catalog.oid AS tgconstrindid, NULL::pg_catalog.oid "
    "AS tgconstraint, NULL::pg_catalog.bool AS tgdeferrable, NULL::pg_catalog.bool AS tginitdeferred, "
    "NULL::pg_catalog.int2 AS tgnargs, NULL::pg_catalog.int2vector AS tgattr, NULL::pg_catalog.bytea AS "
    "tgargs, NULL::pg_catalog.pg_node_tree AS tgqual, NULL::pg_catalog.name AS tgoldtable, "
    "NULL::pg_catalog.name AS tgnewtable WHERE false";
