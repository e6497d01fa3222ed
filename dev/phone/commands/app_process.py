"""
`app_process DIRECTORY CLASS ARGUMENT...`: starts a Java class; here, only scrcpy's server.

The class is looked for where Android would look: in the archive that CLASSPATH names, which a
client must have pushed before.
"""

import os
import sys
import zipfile
from pathlib import Path

from dev.phone.scrcpy.codec_options import OptionError
from dev.phone.scrcpy.log import Level, log
from dev.phone.scrcpy.options import parse_options
from dev.phone.scrcpy.server import ConfigurationError, serve

_SERVER_CLASS = "com.genymobile.scrcpy.Server"
# The shell's status for a process that ended with SIGABRT, as Android's runtime does here.
_ABORTED = 134


def main(arguments: list[str]) -> int:
    if len(arguments) < 2:
        print("Error: no class name or --zygote supplied.", file=sys.stderr)
        return 1
    class_name, server_arguments = arguments[1], arguments[2:]
    archive = Path(os.environ.get("CLASSPATH", "").split(":")[0])
    if class_name != _SERVER_CLASS or not _has_code(archive):
        print(
            f'java.lang.ClassNotFoundException: Didn\'t find class "{class_name}" on path: '
            f'DexPathList[[zip file "{archive}"]]\nAborted',
            file=sys.stderr,
        )
        return _ABORTED
    try:
        options, warnings = parse_options(server_arguments)
        for warning in warnings:
            log(Level.WARN, warning)
        log.level = options.log_level
        if options.cleanup:
            archive.unlink(missing_ok=True)
        serve(options)
    except ConfigurationError:
        # It has been logged; the genuine server ends with 0 as well.
        return 0
    except (OptionError, OSError) as error:
        log(Level.ERROR, str(error))
        return 1
    return 0


def _has_code(archive: Path) -> bool:
    try:
        with zipfile.ZipFile(archive) as jar:
            return "classes.dex" in jar.namelist()
    except (OSError, zipfile.BadZipFile):
        return False
