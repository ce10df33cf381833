/**
 * Counts the rows of each table in a dump that passes by, so that what arrives in a server can be compared with it.
 * The keys are the names of the tables as the dump writes them, which is as SQL takes them.
 */
export interface DumpCounter {
  add(bytes: Uint8Array): void
  readonly rows: ReadonlyMap<string, number>
}

const newline = 0x0a
const backslash = 0x5c

/** Of a line that is read as a whole; a longer one is data, or something that is not counted. */
const longestLine = 256 << 10

const plainName = String.raw`(?:"(?:[^"\n]|"")+"|[\p{L}_][\p{L}\p{N}_$]*)`
const copyLine = new RegExp(String.raw`^COPY (${plainName}\.${plainName})(?: \(.*\))? FROM stdin;$`, 'u')

/** PostgreSQL: a row is a line between `COPY … FROM stdin;` and `\.`, because newlines in it are written as `\n`. */
export class CopyCounter implements DumpCounter {
  readonly rows = new Map<string, number>()
  /** The table whose rows are passing by. */
  #table: string | undefined
  #count = 0
  /** The beginning of a line that goes on in the next bytes. */
  #rest = Buffer.alloc(0)

  add(bytes: Uint8Array): void {
    const all =
      this.#rest.length > 0
        ? Buffer.concat([this.#rest, bytes])
        : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
    let start = 0
    for (let end; (end = all.indexOf(newline, start)) >= 0; start = end + 1) this.#line(all, start, end)
    // Of a line without end only its beginning says anything.
    this.#rest = Buffer.from(all.subarray(start, Math.min(all.length, start + longestLine)))
  }

  #line(all: Buffer, start: number, end: number): void {
    if (this.#table === undefined) {
      if (all[start] !== 0x43 /* C */ || end - start > longestLine) return
      this.#table = copyLine.exec(all.toString('utf8', start, end))?.[1]
      this.#count = 0
    } else if (end - start === 2 && all[start] === backslash && all[start + 1] === 0x2e /* . */) {
      this.rows.set(this.#table, (this.rows.get(this.#table) ?? 0) + this.#count)
      this.#table = undefined
    } else this.#count++
  }
}

const tableLine = /^CREATE TABLE (?:IF NOT EXISTS )?(`(?:[^`\n]|``)+`) \(/
const insertStart = /^INSERT (?:IGNORE )?INTO (`(?:[^`\n]|``)+`)(?: \((?:`(?:[^`\n]|``)+`(?:, ?)?)+\))? VALUES\s*/

/** MariaDB and MySQL: a row is a pair of parentheses in `INSERT INTO … VALUES`, outside of texts. */
export class InsertCounter implements DumpCounter {
  readonly rows = new Map<string, number>()
  #table: string | undefined
  #line: number[] = []
  #depth = 0
  #isText = false
  #isEscaped = false
  /** Inside a trigger, routine or event, which may have an INSERT too. */
  #isProgram = false

  add(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#table === undefined) this.#outside(byte)
      else this.#inside(this.#table, byte)
    }
  }

  #outside(byte: number): void {
    if (byte !== newline) {
      if (this.#line.length < longestLine) this.#line.push(byte)
      if (byte !== 0x28 /* ( */ || this.#line[0] !== 0x49 /* I */) return
    }
    const line = Buffer.from(this.#line).toString('utf8')
    if (line.startsWith('DELIMITER ')) this.#isProgram = line !== 'DELIMITER ;'
    const [, created] = this.#isProgram ? [] : (tableLine.exec(line) ?? [])
    if (created !== undefined) this.rows.set(created, this.rows.get(created) ?? 0)
    const [, table] = this.#isProgram ? [] : (insertStart.exec(line) ?? [])
    if (table !== undefined) this.#enter(table, byte)
    else if (byte === newline) this.#line = []
  }

  #enter(table: string, byte: number): void {
    this.#table = table
    this.#line = []
    this.#depth = 0
    if (byte !== newline) this.#inside(table, byte)
  }

  #inside(table: string, byte: number): void {
    if (this.#isText) {
      if (this.#isEscaped) this.#isEscaped = false
      else if (byte === backslash) this.#isEscaped = true
      else if (byte === 0x27 /* ' */) this.#isText = false
    } else if (byte === 0x27) this.#isText = true
    else if (byte === 0x28 && ++this.#depth === 1) this.rows.set(table, (this.rows.get(table) ?? 0) + 1)
    else if (byte === 0x29 /* ) */) this.#depth--
    else if (byte === 0x3b /* ; */) this.#table = undefined
  }
}
