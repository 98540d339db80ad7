/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/catalog_private.h"

/* The catalogues of which a tenant sees what initdb made, and nothing that anybody added. Data only. */

CATALOG_SELECT(pg_proc) = FENCED(
    "SELECT p.oid, p.proname, p.pronamespace, " OWNER
    " AS proowner, p.prolang, p.procost, p.prorows, p.provariadic, p.prosupport::pg_catalog.oid AS "
    "prosupport, p.prokind, p.prosecdef, p.proleakproof, p.proisstrict, p.proretset, p.provolatile, "
    "p.proparallel, p.pronargs, p.pronargdefaults, p.prorettype, p.proargtypes, p.proallargtypes, "
    "p.proargmodes, p.proargnames, p.proargdefaults, p.protrftypes, p.prosrc, p.probin, p.prosqlbody, "
    "NULL::pg_catalog.text[] AS proconfig, NULL::pg_catalog.text[] AS proacl FROM pg_catalog.pg_proc AS "
    "p WHERE " IS_BUILT_IN("p.oid") " AND p.pronamespace = " PG_CATALOG);

CATALOG_SELECT(pg_operator) = FENCED(
    "SELECT o.oid, o.oprname, o.oprnamespace, " OWNER
    " AS oprowner, o.oprkind, o.oprcanmerge, o.oprcanhash, o.oprleft, o.oprright, o.oprresult, o.oprcom, "
    "o.oprnegate, o.oprcode::pg_catalog.oid AS oprcode, o.oprrest::pg_catalog.oid AS oprrest, "
    "o.oprjoin::pg_catalog.oid AS oprjoin FROM pg_catalog.pg_operator AS o WHERE " IS_BUILT_IN(
        "o.oid") " AND o.oprnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_opclass) = FENCED(
    "SELECT o.oid, o.opcmethod, o.opcname, o.opcnamespace, " OWNER
    " AS opcowner, o.opcfamily, o.opcintype, o.opcdefault, o.opckeytype FROM pg_catalog.pg_opclass AS o "
    "WHERE " IS_BUILT_IN("o.oid") " AND o.opcnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_opfamily) = FENCED(
    "SELECT o.oid, o.opfmethod, o.opfname, o.opfnamespace, " OWNER
    " AS opfowner FROM pg_catalog.pg_opfamily AS o WHERE " IS_BUILT_IN("o.oid") " AND o.opfnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_am) = FENCED(
    "SELECT a.oid, a.amname, a.amhandler::pg_catalog.oid AS amhandler, a.amtype FROM pg_catalog.pg_am AS "
    "a WHERE " IS_BUILT_IN("a.oid"));

CATALOG_SELECT(pg_amop) = FENCED(
    "SELECT a.oid, a.amopfamily, a.amoplefttype, a.amoprighttype, a.amopstrategy, a.amoppurpose, "
    "a.amopopr, a.amopmethod, a.amopsortfamily FROM pg_catalog.pg_amop AS a WHERE " IS_BUILT_IN("a.oid"));

CATALOG_SELECT(pg_amproc) = FENCED(
    "SELECT a.oid, a.amprocfamily, a.amproclefttype, a.amprocrighttype, a.amprocnum, "
    "a.amproc::pg_catalog.oid AS amproc FROM pg_catalog.pg_amproc AS a WHERE " IS_BUILT_IN("a.oid"));

CATALOG_SELECT(pg_collation) = FENCED(
    "SELECT c.oid, c.collname, c.collnamespace, " OWNER
    " AS collowner, c.collprovider, c.collisdeterministic, c.collencoding, c.collcollate, c.collctype, "
    "c.colliculocale, c.collversion FROM pg_catalog.pg_collation AS c WHERE " IS_BUILT_IN(
        "c.oid") " AND c.collnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_conversion) = FENCED(
    "SELECT c.oid, c.conname, c.connamespace, " OWNER
    " AS conowner, c.conforencoding, c.contoencoding, c.conproc::pg_catalog.oid AS conproc, c.condefault "
    "FROM pg_catalog.pg_conversion AS c WHERE " IS_BUILT_IN("c.oid") " AND c.connamespace = " PG_CATALOG);

CATALOG_SELECT(pg_language) = FENCED(
    "SELECT l.oid, l.lanname, " OWNER
    " AS lanowner, l.lanispl, l.lanpltrusted, l.lanplcallfoid, l.laninline, l.lanvalidator, "
    "NULL::pg_catalog.text[] AS lanacl FROM pg_catalog.pg_language AS l WHERE " IS_BUILT_IN("l.oid"));

CATALOG_SELECT(pg_cast) = FENCED(
    "SELECT c.oid, c.castsource, c.casttarget, c.castfunc, c.castcontext, c.castmethod FROM "
    "pg_catalog.pg_cast AS c WHERE " IS_BUILT_IN("c.oid"));

CATALOG_SELECT(pg_tablespace) = FENCED(
    "SELECT t.oid, t.spcname, " OWNER
    " AS spcowner, NULL::pg_catalog.text[] AS spcacl, NULL::pg_catalog.text[] AS spcoptions FROM "
    "pg_catalog.pg_tablespace AS t WHERE " IS_BUILT_IN("t.oid"));

CATALOG_SELECT(pg_extension) = FENCED(
    "SELECT e.oid, e.extname, " OWNER
    " AS extowner, e.extnamespace, e.extrelocatable, e.extversion, NULL::pg_catalog.oid[] AS extconfig, "
    "NULL::pg_catalog.text[] AS extcondition FROM pg_catalog.pg_extension AS e WHERE " IS_BUILT_IN("e.oid"));

CATALOG_SELECT(pg_ts_config) = FENCED("SELECT t.oid, t.cfgname, t.cfgnamespace, " OWNER
                                      " AS cfgowner, t.cfgparser FROM pg_catalog.pg_ts_config AS t WHERE " IS_BUILT_IN(
                                          "t.oid") " AND t.cfgnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_ts_dict) = FENCED(
    "SELECT t.oid, t.dictname, t.dictnamespace, " OWNER
    " AS dictowner, t.dicttemplate, t.dictinitoption FROM pg_catalog.pg_ts_dict AS t WHERE " IS_BUILT_IN(
        "t.oid") " AND t.dictnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_ts_parser) = FENCED(
    "SELECT t.oid, t.prsname, t.prsnamespace, t.prsstart::pg_catalog.oid AS prsstart, "
    "t.prstoken::pg_catalog.oid AS prstoken, t.prsend::pg_catalog.oid AS prsend, "
    "t.prsheadline::pg_catalog.oid AS prsheadline, t.prslextype::pg_catalog.oid AS prslextype FROM "
    "pg_catalog.pg_ts_parser AS t WHERE " IS_BUILT_IN("t.oid") " AND t.prsnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_ts_template) = FENCED(
    "SELECT t.oid, t.tmplname, t.tmplnamespace, t.tmplinit::pg_catalog.oid AS tmplinit, "
    "t.tmpllexize::pg_catalog.oid AS tmpllexize FROM pg_catalog.pg_ts_template AS t WHERE " IS_BUILT_IN(
        "t.oid") " AND t.tmplnamespace = " PG_CATALOG);

CATALOG_SELECT(pg_aggregate) = FENCED(
    "SELECT a.aggfnoid::pg_catalog.oid AS aggfnoid, a.aggkind, a.aggnumdirectargs, "
    "a.aggtransfn::pg_catalog.oid AS aggtransfn, a.aggfinalfn::pg_catalog.oid AS aggfinalfn, "
    "a.aggcombinefn::pg_catalog.oid AS aggcombinefn, a.aggserialfn::pg_catalog.oid AS aggserialfn, "
    "a.aggdeserialfn::pg_catalog.oid AS aggdeserialfn, a.aggmtransfn::pg_catalog.oid AS aggmtransfn, "
    "a.aggminvtransfn::pg_catalog.oid AS aggminvtransfn, a.aggmfinalfn::pg_catalog.oid AS aggmfinalfn, "
    "a.aggfinalextra, a.aggmfinalextra, a.aggfinalmodify, a.aggmfinalmodify, a.aggsortop, "
    "a.aggtranstype, a.aggtransspace, a.aggmtranstype, a.aggmtransspace, a.agginitval, a.aggminitval "
    "FROM pg_catalog.pg_aggregate AS a WHERE " IS_BUILT_IN("a.aggfnoid::pg_catalog.oid"));

CATALOG_SELECT(pg_timezone_names) =
    "SELECT z.name, z.abbrev, z.utc_offset, z.is_dst FROM pg_catalog.pg_timezone_names AS z";

CATALOG_SELECT(pg_timezone_abbrevs) =
    "SELECT z.abbrev, z.utc_offset, z.is_dst FROM pg_catalog.pg_timezone_abbrevs AS z";
