import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restoreOrderSchema } from '#protocol'
import { decideRestore } from './decide.ts'
import type { RestoreFacts } from './decide.ts'

const order = {
  snapshotId: 'a'.repeat(64),
  paths: ['/srv/data/x'],
  to: { how: 'in place' },
  otherwise: 'wait',
  withOwners: false,
}
const own: RestoreFacts = { isOwn: true, allowed: ['/srv/data', '/home'], hasYes: false }

function decided(changes: object, facts: Partial<RestoreFacts> = {}): string {
  const decision = decideRestore(restoreOrderSchema.parse({ ...order, ...changes }), { ...own, ...facts })
  if (decision.do === 'wait') return `wait: ${decision.because}`
  if (decision.do === 'in place')
    return decision.places.map(({ path, root }) => `${path} in ${root ?? 'itself'}`).join(' ')
  return `new folder in ${decision.below ?? 'the usual place'}${decision.foreign ? ', foreign' : ''}`
}

const anywhere = { to: { how: 'new folder' } }
const below = (folder: string) => ({ to: { how: 'new folder', below: folder } })

/** One row a situation: what is ordered, what the machine knows, what it does. */
const table: readonly (readonly [name: string, changes: object, facts: Partial<RestoreFacts>, decision: string])[] = [
  ['in place, own, allowed', {}, {}, '/srv/data/x in /srv/data'],
  ['the allowed folder itself', { paths: ['/home'] }, {}, '/home in /home'],
  [
    'a name that only begins alike',
    { paths: ['/srv/database'] },
    {},
    'wait: /srv/database is not in a folder that may be restored into here',
  ],
  [
    'one path of two outside',
    { paths: ['/srv/data/x', '/etc/passwd'] },
    {},
    'wait: /etc/passwd is not in a folder that may be restored into here',
  ],
  ['nothing is allowed', {}, { allowed: [] }, 'wait: /srv/data/x is not in a folder that may be restored into here'],
  ['another key has signed it', {}, { isOwn: false }, 'wait: this machine has not signed the snapshot'],
  [
    'nothing is allowed, and a new folder will do',
    { otherwise: 'new folder' },
    { allowed: [] },
    'new folder in the usual place',
  ],
  [
    'not its own, and a new folder will do',
    { otherwise: 'new folder' },
    { isOwn: false },
    'new folder in the usual place, foreign',
  ],
  ['outside, with a yes', { paths: ['/etc/passwd'] }, { hasYes: true }, '/etc/passwd in itself'],
  ['not its own, with a yes', {}, { isOwn: false, hasYes: true }, '/srv/data/x in itself'],
  ['a new folder', anywhere, {}, 'new folder in the usual place'],
  ['a new folder of what is not its own', anywhere, { isOwn: false }, 'new folder in the usual place, foreign'],
  ['a new folder in an allowed one', below('/home/anna'), {}, 'new folder in /home/anna'],
  [
    'a new folder elsewhere',
    below('/etc/systemd'),
    {},
    'wait: /etc/systemd is not among the folders that may be restored into here',
  ],
  [
    'a new folder elsewhere, or anywhere',
    { ...below('/etc'), otherwise: 'new folder' },
    {},
    'new folder in the usual place',
  ],
  [
    'owners of what is not its own',
    { ...anywhere, withOwners: true },
    { isOwn: false },
    'wait: this machine has not signed the snapshot, and its owners and rights are wanted',
  ],
  [
    'owners of what is not its own, with a yes',
    { ...anywhere, withOwners: true },
    { isOwn: false, hasYes: true },
    'new folder in the usual place',
  ],
]

for (const [name, changes, facts, decision] of table) {
  test(name, () => {
    assert.equal(decided(changes, facts), decision)
  })
}

test('paths that could mean another place than they say are no order', () => {
  const paths = ['relative', '/a/../b', '/a//b', '/a/.', '/a/', '/a\0b', '', '/..', '//']
  for (const path of paths) assert.equal(restoreOrderSchema.safeParse({ ...order, paths: [path] }).success, false, path)
  assert.equal(restoreOrderSchema.safeParse({ ...order, to: below('/a/../etc').to }).success, false)
  const many = Array.from({ length: 201 }, (_, index) => `/${index}`)
  assert.equal(restoreOrderSchema.safeParse({ ...order, paths: many }).success, false)
})
