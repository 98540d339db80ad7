# rg_folder(NAME [SUBFOLDERS ...] DEPENDS ...): one static library a folder, from all its sources.
function(rg_folder name)
    cmake_parse_arguments(ARG "" "" "SUBFOLDERS;DEPENDS" ${ARGN})
    set(patterns ${name}/*.c ${name}/*.cc)
    foreach(sub ${ARG_SUBFOLDERS})
        list(APPEND patterns ${name}/${sub}/*.c ${name}/${sub}/*.cc)
    endforeach()
    file(GLOB sources CONFIGURE_DEPENDS ${patterns})
    if(NOT sources)
        add_library(${name} INTERFACE)
        target_link_libraries(${name} INTERFACE rg_flags ${ARG_DEPENDS} Threads::Threads)
        return()
    endif()
    add_library(${name} STATIC ${sources})
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE C)
    target_link_libraries(${name} PUBLIC rg_flags ${ARG_DEPENDS} Threads::Threads)
    # policy/sql_*.c read libpg_query's raw trees: the one place that sees server headers. The
    # library's CurrentMemoryContext is thread-local, which the stock headers do not say; -O1 so that
    # the headers' inline functions do not pull in backend symbols (reference performance.md 5), and apart from the whole
    # program's optimisation for the same reason. A Node
    # is declared with less alignment than the structs it stands for (makeNode aligns them all), and its
    # constructors are statement expressions: clang warns about both.
    file(GLOB raw_tree CONFIGURE_DEPENDS ${name}/sql_*.c)
    if(raw_tree)
        set_source_files_properties(${raw_tree} PROPERTIES
            INCLUDE_DIRECTORIES ""
            COMPILE_OPTIONS "-isystem;${PG_HEADERS};-DPGDLLIMPORT=__thread;-O1;-fno-lto;-Wno-undef;-Wno-cast-align;-Wno-gnu-statement-expression")
    endif()
endfunction()

# rg_program(NAME FOLDER DIR DEPENDS ...): the executable, in RG_PROGRAM_DIR (the release preset: build/) or where the
# preset builds. All but its main is a library, NAME_commands, so that tests can call it.
function(rg_program name)
    cmake_parse_arguments(ARG "" "FOLDER" "DEPENDS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS ${ARG_FOLDER}/*.c)
    list(REMOVE_ITEM sources ${CMAKE_SOURCE_DIR}/${ARG_FOLDER}/main.c)
    add_library(${name}_commands STATIC ${sources})
    target_link_libraries(${name}_commands PUBLIC ${ARG_DEPENDS})
    add_executable(${name} ${ARG_FOLDER}/main.c)
    set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX RG_WHOLE_PROGRAM ON)
    target_link_libraries(${name} PRIVATE ${name}_commands)
    target_link_options(${name} PRIVATE -pie)
    if(RG_PROGRAM_DIR)
        set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${RG_PROGRAM_DIR})
    endif()
endfunction()

# tests/unit/FOLDER/test_x.c: one executable each, linked to FOLDER.
# tests/fuzz/FOLDER/fuzz_x.c: libFuzzer targets under RG_FUZZ; in every other build a small driver
# replays tests/fuzz/FOLDER/corpus_x/* through the same function as an ordinary test.
function(rg_tests)
    enable_testing()
    set(unit_seconds 300) # many times what each needs: for what hangs
    if(RG_TSAN)
        set(unit_seconds 900)
    endif()
    foreach(folder base auth tenants policy audit proxy)
        file(GLOB tests CONFIGURE_DEPENDS tests/unit/${folder}/test_*.c)
        foreach(source ${tests})
            get_filename_component(test ${source} NAME_WE)
            add_executable(${folder}_${test} ${source})
            # A test may keep what it compares in its frame; threads with small stacks run none.
            set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS -Wno-frame-larger-than)
            set_target_properties(${folder}_${test} PROPERTIES LINKER_LANGUAGE CXX)
            target_link_libraries(${folder}_${test} PRIVATE ${folder} PkgConfig::CMOCKA)
            if(test MATCHES "^test_cli_") # the commands of the program
                target_link_libraries(${folder}_${test} PRIVATE rowgate_commands)
            endif()
            # test_x_pg.c: needs a PostgreSQL, so it runs with a private one.
            set(runner "")
            if(test MATCHES "_pg$")
                set(runner bash ${CMAKE_SOURCE_DIR}/tests/support/with_postgres.sh)
            endif()
            add_test(NAME unit.${folder}.${test} COMMAND ${runner} $<TARGET_FILE:${folder}_${test}>
                     WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
            set_tests_properties(unit.${folder}.${test} PROPERTIES LABELS unit TIMEOUT ${unit_seconds})
        endforeach()
        file(GLOB fuzzers CONFIGURE_DEPENDS tests/fuzz/${folder}/fuzz_*.c)
        foreach(source ${fuzzers})
            get_filename_component(fuzzer ${source} NAME_WE)
            string(REPLACE fuzz_ "" what ${fuzzer})
            set(corpus ${CMAKE_SOURCE_DIR}/tests/fuzz/${folder}/corpus_${what})
            if(RG_FUZZ)
                add_executable(${fuzzer} ${source})
                target_link_options(${fuzzer} PRIVATE -fsanitize=fuzzer)
            else()
                add_executable(${fuzzer} ${source} tests/support/fuzz_replay.c)
            endif()
            set_target_properties(${fuzzer} PROPERTIES LINKER_LANGUAGE CXX)
            target_link_libraries(${fuzzer} PRIVATE ${folder})
            add_test(NAME fuzz.${folder}.${what} COMMAND ${fuzzer} -runs=0 ${corpus} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
            set_tests_properties(fuzz.${folder}.${what} PROPERTIES LABELS fuzz TIMEOUT 300)
        endforeach()
    endforeach()
    # The rewriter as a filter, for tests/proof, and its stop-watch, for scripts/bench rewrite.
    foreach(tool tests/support/rewrite_server.c bench/rewrite_timing.c)
        get_filename_component(name ${tool} NAME_WE)
        add_executable(${name} ${tool})
        set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
        target_link_libraries(${name} PRIVATE policy)
    endforeach()
    # The stop-watch of the record encoder, and a statement as the lines of a log, for tests/e2e.
    foreach(tool bench/record_timing.c tests/support/record_lines.c)
        get_filename_component(name ${tool} NAME_WE)
        add_executable(${name} ${tool})
        set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
        target_link_libraries(${name} PRIVATE audit)
    endforeach()
    # A bad disk and clock, preloaded into rowgate by tests/e2e: without sanitizers, which would want to come first.
    add_library(fault_shim MODULE tests/support/fault_shim.c)
    target_compile_definitions(fault_shim PRIVATE _GNU_SOURCE)
    # The suite's third opinion knows libpg_query and nothing of policy/.
    add_executable(regress_trees tests/regress/trees.c)
    target_link_libraries(regress_trees PRIVATE pg_query jansson)
    add_test(NAME regress.postgresql COMMAND tests/regress/suite.py --build ${CMAKE_BINARY_DIR}
             WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
    set_tests_properties(regress.postgresql PROPERTIES LABELS regress TIMEOUT 600)
    file(GLOB lints CONFIGURE_DEPENDS tests/lint/*.sh tests/lint/*.py)
    foreach(lint ${lints})
        get_filename_component(name ${lint} NAME_WE)
        add_test(NAME lint.${name} COMMAND ${lint} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
        set_tests_properties(lint.${name} PROPERTIES LABELS lint)
    endforeach()
    # What takes long begins first, so that nothing runs alone at the end.
    foreach(test audit.test_auditor audit.test_log_fault audit.test_search audit.test_encoder audit.test_keys_make
                 policy.test_sql_literals proxy.test_catalog_reader_pg proxy.test_net_upstream_pg)
        set_tests_properties(unit.${test} PROPERTIES COST 100)
    endforeach()
endfunction()
