#!/usr/bin/env bash
# Fuzzes one target: fuzz/run.sh TARGET SECONDS [OUTPUT]. Needs afl-fuzz (package afl++). Finds lie in OUTPUT/default/crashes and hangs.
set -euo pipefail
cd "$(dirname "$0")/.."
target=$1 seconds=$2 output=${3:-out/fuzz/$1}
program=out/fuzz-program
if [ ! -e "$program/instrumented" ]; then
    dotnet tool restore
    dotnet publish fuzz/Counterweight.Fuzz -c Release -o "$program" --nologo -v q
    for library in Counterweight.Balancing Counterweight.Engine; do
        dotnet tool run sharpfuzz "$program/$library.dll"
    done
    touch "$program/instrumented"
fi
mkdir -p "$output"
# AFL wants coverage feedback from a binary that it instrumented itself, and a machine set up for it; both don't hold here.
export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_NO_AFFINITY=1 AFL_AUTORESUME=1
# A runaway allocation ends as an OutOfMemoryException here, not as a full machine.
export DOTNET_GCHeapHardLimit=0x30000000 DOTNET_gcServer=0
input=fuzz/seeds/$target
exec afl-fuzz -i "$input" -o "$output" -t 10000 -m none -G 65536 -V "$seconds" -x fuzz/dictionaries/"$target".dict -- \
    dotnet "$program/Counterweight.Fuzz.dll" run "$target"
