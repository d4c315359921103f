#!/bin/sh
# Makes the spoken notices from text with espeak-ng and ffmpeg. The results are committed; run this only to change them.
set -eu
cd "$(dirname "$0")"
say() { # NAME VOICE TEXT
	espeak-ng -v "$2" -s 140 -p 45 --stdout "$3" |
		ffmpeg -v error -y -i - -af 'highpass=f=80,loudnorm=I=-24:TP=-3:LRA=7' -ac 1 -ar 48000 \
			-c:a libopus -b:a 24k -application voip -frame_duration 20 -page_duration 1000000 -map_metadata -1 -fflags +bitexact "$1.ogg"
}
say waiting-for-host.en en-gb 'We are waiting for the host. The interview will begin as soon as they are here.'
say waiting-for-host.de de 'Wir warten noch auf die Gastgeberin oder den Gastgeber. Danach beginnt das Gespräch.'
