#!/usr/bin/env bash
# Makes anna.ogg and ben.ogg from dialogue.txt: two tracks of equal length, each silent while the other speaks.
# Needs espeak-ng, sox and ffmpeg with libopus. The result is committed; run this only after changing the dialogue.
set -euo pipefail
cd "$(dirname "$0")"
work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
pause_s=0.40

declare -A voice=([anna]="-v en-us+f3 -s 158 -p 58" [ben]="-v en-gb+m3 -s 150 -p 30")
declare -A gain_db=([anna]=-3 [ben]=-4)

n=0; anna=(); ben=()
while IFS= read -r line; do
	who=${line%%:*}; words=${line#*: }
	n=$((n + 1)); turn=$work/$(printf %03d $n)
	# shellcheck disable=SC2086
	espeak-ng ${voice[$who]} -w "$turn.raw.wav" "$words"
	sox -q "$turn.raw.wav" -r 48000 -c 1 -b 16 "$turn.$who.wav" gain -6 highpass 60 gain -n "${gain_db[$who]}" pad 0 "$pause_s"
	case $who in anna) other=ben ;; *) other=anna ;; esac
	sox -q "$turn.$who.wav" "$turn.$other.wav" vol 0
	anna+=("$turn.anna.wav"); ben+=("$turn.ben.wav")
done <dialogue.txt

for who in anna ben; do
	declare -n turns=$who
	# Padded to whole 20 ms frames by the encoder; both tracks have the same samples, so the same frames.
	sox -q "${turns[@]}" "$work/$who.wav"
	ffmpeg -v error -y -i "$work/$who.wav" -map_metadata -1 -fflags +bitexact -flags +bitexact \
		-c:a libopus -application voip -b:a 28k -vbr on -frame_duration 20 -ac 1 "$who.ogg"
done
ls -l anna.ogg ben.ogg
soxi -D "$work/anna.wav" "$work/ben.wav"
