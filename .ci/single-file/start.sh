#!/bin/sh
# tdxinfo @VERSION@ in one file: these lines find a Python that can run the archive below them.
# Its option -I keeps out the settings, packages and folders of whoever's HOME is set.
for python in @PYTHONS@ python3; do
	if "$python" -Ic '' 2>/dev/null; then
		exec "$python" -I "$0" "$@"
	fi
done
echo "tdxinfo: no Python was found: it needs one of @PYTHONS@." >&2
exit 2
