import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'

import { seeded } from '../../../test/helpers/seed.ts'
import { CopyCounter, InsertCounter } from './count-dump.ts'
import type { DumpCounter } from './count-dump.ts'

/** Counts a dump that comes in pieces of so many bytes. */
function count(counter: DumpCounter, dump: string, piece = dump.length || 1): Record<string, number> {
  const bytes = Buffer.from(dump)
  for (let at = 0; at < bytes.length; at += piece) counter.add(bytes.subarray(at, at + piece))
  return Object.fromEntries(counter.rows)
}

/** As PostgreSQL writes a text column for COPY. */
const escaped = (text: string) =>
  text.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t')

test('rows of COPY are counted, whatever they hold and in whatever pieces they come', () => {
  const tables = fc.dictionary(fc.stringMatching(/^[a-z_][a-z0-9_]{0,10}$/), fc.array(fc.string({ unit: 'binary' })))
  fc.assert(
    fc.property(tables, fc.integer({ min: 1, max: 50 }), (content, piece) => {
      const parts = Object.entries(content).map(
        ([name, rows]) =>
          `\nCOPY public.${name} (a, b) FROM stdin;\n${rows.map((row) => `${escaped(row)}\t1\n`).join('')}\\.\n\n`,
      )
      const expected = Object.fromEntries(
        Object.entries(content).map(([name, rows]) => [`public.${name}`, rows.length]),
      )
      assert.deepEqual(count(new CopyCounter(), `-- PostgreSQL\n${parts.join('\n')}`, piece), expected)
    }),
    seeded(),
  )
})

/** As MariaDB and MySQL write a text in SQL. */
const quoted = (text: string) => `'${text.replace(/\\/g, '\\\\').replace(/'/g, "\\'").replace(/\n/g, '\\n')}'`

test('rows of INSERT are counted, one a line or all in one, whatever they hold', () => {
  const tables = fc.dictionary(
    fc.stringMatching(/^[a-z_(`'][a-z0-9_ )`]{0,10}$/),
    fc.array(fc.string({ unit: 'binary' })),
  )
  fc.assert(
    fc.property(tables, fc.boolean(), fc.integer({ min: 1, max: 50 }), (content, isLong, piece) => {
      const parts = Object.entries(content).map(([table, rows]) => {
        const name = `\`${table.replaceAll('`', '``')}\``
        const created = `CREATE TABLE ${name} (\n  \`a\` text\n) ENGINE=InnoDB;\n`
        const values = rows.map((row) => `(${quoted(row)},NULL)`).join(isLong ? ',\n' : ',')
        return rows.length === 0 ? created : `${created}INSERT INTO ${name} VALUES${isLong ? '\n' : ' '}${values};\n`
      })
      const expected = Object.entries(content).map(([table, rows]) => [
        `\`${table.replaceAll('`', '``')}\``,
        rows.length,
      ])
      assert.deepEqual(count(new InsertCounter(), parts.join('\n'), piece), Object.fromEntries(expected))
    }),
    seeded(),
  )
})

test('an INSERT with names of columns is counted, and one inside a trigger is not', () => {
  const dump = `INSERT INTO \`t\` (\`a\`, \`b(\`) VALUES (1,'it''s ('),(2,0x28);
DELIMITER ;;
CREATE TRIGGER x BEFORE INSERT ON t FOR EACH ROW BEGIN
INSERT INTO \`t\` VALUES (1);
END ;;
DELIMITER ;
INSERT INTO \`t\` VALUES (3,NULL);
`
  assert.deepEqual(count(new InsertCounter(), dump, 7), { '`t`': 3 })
})
