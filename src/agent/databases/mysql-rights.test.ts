import assert from 'node:assert/strict'
import { test } from 'node:test'

import { missingRights } from './mysql-rights.ts'

const all = 'SELECT, SHOW VIEW, EVENT, TRIGGER'
const to = 'TO `u`@`localhost`'

test('rights on everything, on the database or on a pattern of its name make a dump whole', () => {
  const whole = [
    [`GRANT ALL PRIVILEGES ON *.* ${to} IDENTIFIED VIA unix_socket WITH GRANT OPTION`],
    [`GRANT SELECT ON *.* ${to}`, `GRANT SHOW VIEW, EVENT, TRIGGER ON \`my\\_shop\`.* ${to}`],
    [`GRANT ${all} ON \`my\\_%\`.* ${to}`],
    [`GRANT ${all} ON \`my_shop\`.* ${to}`, `GRANT SELECT ON \`my%\`.* ${to}`],
  ]
  for (const grants of whole) assert.deepEqual(missingRights(grants, 'my_shop'), [], grants.join('\n'))
})

test('rights on tables, columns or other databases, and rights that were taken back, do not', () => {
  const lacking = [
    [[`GRANT ${all} ON \`my_shop\`.\`item\` ${to}`], ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT']],
    [[`GRANT SELECT (\`id\`), TRIGGER ON \`my_shop\`.* ${to}`], ['SELECT', 'SHOW VIEW', 'EVENT']],
    [[`GRANT ${all} ON \`my\\_shop2\`.* ${to}`], ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT']],
    [[`GRANT ALL PRIVILEGES ON *.* ${to}`, 'REVOKE SELECT ON `my_shop`.* FROM `u`@`localhost`'], ['SELECT']],
    // Of two grants on databases the server takes one.
    [[`GRANT SELECT, SHOW VIEW, EVENT ON \`my_shop\`.* ${to}`, `GRANT TRIGGER ON \`my%\`.* ${to}`], ['TRIGGER']],
    [[], ['SELECT', 'SHOW VIEW', 'TRIGGER', 'EVENT']],
  ] as const
  for (const [grants, rights] of lacking) assert.deepEqual(missingRights(grants, 'my_shop'), rights, grants.join('\n'))
})
