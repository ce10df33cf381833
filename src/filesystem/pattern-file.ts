import { readFileSync } from 'node:fs'

import { messageOf } from '#base'

import { FilesystemError } from './errors.ts'
import { toRaw } from './platform/index.ts'
import { textOfRaw } from './raw-text.ts'

/** Files of lines: patterns to leave out, and paths to back up. */

/** The bytes of a text file in UTF-8: UTF-16 with its mark is converted, a mark of UTF-8 is dropped. */
export function readTextFile(file: string): Buffer {
  const bytes = readListFile(file)
  const mark = bytes.toString('latin1', 0, 2)
  if (mark === '\xff\xfe') return Buffer.from(bytes.toString('utf16le', 2))
  if (mark === '\xfe\xff')
    return Buffer.from(
      bytes
        .subarray(0, bytes.length & ~1)
        .swap16()
        .toString('utf16le', 2),
    )
  return bytes.toString('latin1', 0, 3) === '\xef\xbb\xbf' ? bytes.subarray(3) : bytes
}

/** The bytes of a file that a flag names. Throws LIST_NOT_READ. */
export function readListFile(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new FilesystemError('LIST_NOT_READ', { file, reason: messageOf(cause), cause })
  }
}

/** The lines of a text, as raw strings, without their ends (`\n` or `\r\n`). */
export function linesOf(bytes: Uint8Array): string[] {
  const lines = toRaw(bytes).split('\n')
  if (lines.at(-1) === '') lines.pop()
  return lines.map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
}

/**
 * Patterns, one a line: white space around them and lines that begin with `#` are passed over, and `$NAME` and `${NAME}`
 * stand for variables of the environment, `$$` for a dollar sign.
 */
export function readPatternFile(file: string, environment: NodeJS.ProcessEnv): string[] {
  return linesOf(readTextFile(file))
    .map((line) => textOfRaw(line).trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => expandVariables(line, environment))
}

const variable = /\$(?:\{([*#$@!?\-0-9])\}|\{([^}]*)\}|([*#$@!?\-0-9])|(\w+)|(\{))/g

/** Go's `os.Expand`: an unset variable is empty, `${}` and an unclosed `${` disappear, a lone `$` stays. */
export function expandVariables(text: string, environment: NodeJS.ProcessEnv): string {
  return text.replace(variable, (_, bracedSpecial?: string, braced?: string, special?: string, plain?: string) => {
    const name = bracedSpecial ?? braced ?? special ?? plain ?? ''
    return name === '$' ? '$' : (environment[name] ?? '')
  })
}
