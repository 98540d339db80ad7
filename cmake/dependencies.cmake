# Debian 12's own packages; scripts/deps installs them. Third-party headers are SYSTEM.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(JWT REQUIRED IMPORTED_TARGET libjwt)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(LIBPQ REQUIRED IMPORTED_TARGET libpq)
pkg_check_modules(H2O REQUIRED IMPORTED_TARGET libh2o-evloop)
pkg_check_modules(CMOCKA REQUIRED IMPORTED_TARGET cmocka)
pkg_check_modules(TOMLPP REQUIRED IMPORTED_TARGET tomlplusplus)
pkg_check_modules(SIMDJSON REQUIRED IMPORTED_TARGET simdjson)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(LIBXML2 REQUIRED IMPORTED_TARGET libxml-2.0)
pkg_check_modules(XMLSEC REQUIRED IMPORTED_TARGET xmlsec1-openssl)
pkg_check_modules(ZLIB REQUIRED IMPORTED_TARGET zlib)
add_library(tomlplusplus ALIAS PkgConfig::TOMLPP)

# libpg_query: the static library, with its 2,100 global names hidden, because some are libpq's.
# Its raw-tree headers come from postgresql-server-dev-15, unpacked (not installed: the package
# depends on clang and LLVM) into build/pgheaders by scripts/deps.
find_library(PG_QUERY_LIBRARY NAMES libpg_query.a REQUIRED)
find_path(PG_QUERY_INCLUDE pg_query.h REQUIRED)
set(PG_HEADERS ${CMAKE_SOURCE_DIR}/build/pgheaders/usr/include/postgresql/15/server
    CACHE PATH "server headers of PostgreSQL 15")
if(NOT EXISTS ${PG_HEADERS}/postgres.h)
    message(FATAL_ERROR "PostgreSQL 15's server headers are missing in ${PG_HEADERS}: run scripts/deps")
endif()
add_library(pg_query INTERFACE)
target_include_directories(pg_query SYSTEM INTERFACE ${PG_QUERY_INCLUDE})
target_link_libraries(pg_query INTERFACE ${PG_QUERY_LIBRARY})
target_link_options(pg_query INTERFACE -Wl,--exclude-libs,libpg_query.a)
