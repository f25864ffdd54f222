#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetches the upstream source of a Debian package and unpacks it into build/sources/PACKAGE.
# usage: tools/fetch-source.sh PACKAGE
# tools/sources.txt pins the version and the Debian release that has it, the same for every machine that builds Winkle.
# Where to fetch from is what this machine's apt is set up with; apt checks Debian's signatures, in a directory of its
# own: the machine's apt lists stay as they are, and nothing is installed.
set -eu
cd "$(dirname "$0")/.."

fail() {
	printf 'winkle: %s\n' "$*" >&2
	exit 1
}

# Prints a file of apt entries in paragraphs: those for Debian main of release `from`, as source entries of release `to`.
# Other fields, such as the signing key, are kept.
derive_paragraphs() {
	awk -v RS= -v from="$1" -v to="$2" '
		function field(name,   i) {
			for (i = 1; i <= n; i++)
				if (index(tolower(lines[i]), name ":") == 1)
					return " " substr(lines[i], length(name) + 2) " "
			return ""
		}
		{ gsub(/(^|\n)#[^\n]*/, ""); sub(/^\n+/, ""); n = split($0, lines, "\n") }
		field("enabled") ~ / no / || field("types") !~ / deb / || field("components") !~ / main / { next }
		!index(field("suites"), " " from " ") { next }
		{
			for (i = 1; i <= n; i++) {
				sub(/^[Tt]ypes:.*/, "Types: deb-src", lines[i])
				sub(/^[Ss]uites:.*/, "Suites: " to, lines[i])
				sub(/^[Cc]omponents:.*/, "Components: main", lines[i])
				print lines[i]
			}
			print ""
		}' "$3"
}

# The same for a file of one-line entries.
derive_lines() {
	awk -v from="$1" -v to="$2" '
		$1 != "deb" { next }
		{
			options = match($0, /\[[^]]*\]/) ? substr($0, RSTART, RLENGTH) " " : ""
			sub(/\[[^]]*\]/, "")
			main = 0
			for (i = 4; i <= NF; i++)
				main = main || $i == "main"
		}
		main && $3 == from { print "deb-src " options $2 " " to " main" }' "$3"
}

[ $# -eq 1 ] || fail "usage: tools/fetch-source.sh PACKAGE"
package=$1
read -r version release <<END
$(awk -v package="$package" '$1 == package { print $2, $3 }' tools/sources.txt)
END
[ -n "$version" ] || fail "tools/sources.txt pins no version of $package; add a line for it"
# shellcheck source=/dev/null
here=$(. /etc/os-release && printf '%s' "${VERSION_CODENAME-}")

# apt fetches as a user of its own, who must be able to reach this directory.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$work"
mkdir -p "$work/entries" "$work/lists/partial" "$work/cache/archives/partial" "$work/package" "$work/source"
if [ "$(id -u)" -eq 0 ]; then
	chown _apt "$work/package"
fi

for file in /etc/apt/sources.list /etc/apt/sources.list.d/*; do
	case $file in
	*.sources) derive_paragraphs "$here" "$release" "$file" >>"$work/entries/debian.sources" ;;
	*.list) [ ! -r "$file" ] || derive_lines "$here" "$release" "$file" >>"$work/entries/debian.list" ;;
	esac
done
grep -q . "$work/entries/"* 2>/dev/null ||
	fail "/etc/apt has no entry for Debian '$here' main, from which $package could be fetched; add it"

private_apt() {
	apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/entries" \
		-o Dir::State::Lists="$work/lists" -o Dir::Cache="$work/cache" -o Acquire::Retries=3 "$@" >>"$work/log" 2>&1
}

if ! private_apt update || ! (cd "$work/package" && private_apt source --tar-only --only-source "$package=$version") ||
	! tar -x -f "$work/package/"*.tar.* -C "$work/source" --strip-components=1 2>>"$work/log"; then
	cat "$work/log" >&2
	fail "could not fetch the source of $package $version: see the messages above, and check this machine's network"
fi

mkdir -p build/sources
rm -rf "build/sources/$package"
cp -R "$work/source" "build/sources/$package"
