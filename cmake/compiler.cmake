# Flags of STYLE.md 10: every warning is an error, the hardening stays on in each preset.
set(RG_WARNINGS
    -Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wsign-conversion -Wcast-qual -Wcast-align
    -Wpointer-arith -Wwrite-strings -Wformat=2 -Wvla -Wundef -Wswitch-enum -Wimplicit-fallthrough
    -Wnull-dereference -Wdouble-promotion)
set(RG_C_WARNINGS ${RG_WARNINGS} -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    list(APPEND RG_C_WARNINGS -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Walloca)
endif()
# ASan's redzones enlarge frames, so the frame limit holds where they are absent.
if(NOT RG_ASAN AND NOT RG_TSAN AND NOT RG_FUZZ)
    list(APPEND RG_C_WARNINGS -Wframe-larger-than=4096)
endif()

# gcc's null-dereference analysis reports false paths through sanitizer checks.
if(RG_ASAN OR RG_TSAN)
    list(APPEND RG_C_WARNINGS -Wno-null-dereference)
endif()

add_library(rg_flags INTERFACE)
target_compile_definitions(rg_flags INTERFACE _GNU_SOURCE ROWGATE_VERSION="${PROJECT_VERSION}")
target_include_directories(rg_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(rg_flags INTERFACE
    $<$<COMPILE_LANGUAGE:C>:${RG_C_WARNINGS}> $<$<COMPILE_LANGUAGE:CXX>:${RG_WARNINGS}>
    -fstack-protector-strong -fstack-clash-protection -fcf-protection)
if(CMAKE_C_COMPILER_ID STREQUAL "GNU")
    target_compile_options(rg_flags INTERFACE -ftrivial-auto-var-init=zero)
endif()
target_link_options(rg_flags INTERFACE -Wl,-z,relro,-z,now,-z,noexecstack)

# The whole program is optimised at once where it is linked (5 % of its CPU time); its libraries hold ordinary code too, with which the
# tests are linked, three hundred times.
if(RG_LTO)
    target_compile_options(rg_flags INTERFACE -flto=auto -ffat-lto-objects)
    target_link_options(rg_flags INTERFACE $<IF:$<BOOL:$<TARGET_PROPERTY:RG_WHOLE_PROGRAM>>,-flto=auto,-fno-lto>)
endif()

if(RG_ASAN)
    target_compile_options(rg_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(rg_flags INTERFACE -fsanitize=address,undefined)
elseif(RG_TSAN)
    target_compile_options(rg_flags INTERFACE -fsanitize=thread -fno-omit-frame-pointer)
    target_link_options(rg_flags INTERFACE -fsanitize=thread)
else()
    target_compile_definitions(rg_flags INTERFACE $<$<NOT:$<CONFIG:Debug>>:_FORTIFY_SOURCE=3>)
endif()
if(RG_FUZZ)
    target_compile_options(rg_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
