import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mistakesOf } from '#policy'
import type { Discovery, Proposal } from '#protocol'
import { exampleDiscovery, exampleFinding, exampleVolume } from '../../../test/helpers/example-discovery.ts'
import { firstPolicy, policyFromProposal } from './first-policy.ts'

const mib = 1 << 20
const gib = 1 << 30

const proposal: Proposal = {
  name: 'Everything on office',
  include: [{ path: '/', reason: 'all' }],
  excludes: [{ pattern: '/proc', reason: 'kernel' }],
  databases: [
    { engine: 'postgresql', place: '/var/lib/postgresql/15/main', by: 'dump', reason: 'r' },
    { engine: 'sql-server', place: '/srv/erp.mdf', by: 'hook', hook: 'dump-sql-server', reason: 'r' },
  ],
  schedule: { cron: '7 * * * *', timeZone: 'UTC', reason: 'r' },
  open: [],
}

const sized = (bytes: number) => ({ bytes, files: 3, isAtLeast: false })

const ann = exampleFinding({ id: 'documents:/home/ann/letters', kind: 'documents', size: sized(4 * mib) })
const ben = exampleFinding({ id: 'documents:/home/ben/films', kind: 'documents', size: sized(40 * gib) })
const data = exampleFinding({ id: 'folder:/data', kind: 'folder', confidence: 'likely', size: sized(8 * mib) })
const heap = exampleFinding({ id: 'folder:/opt/heap', kind: 'folder', confidence: 'likely', size: sized(3 * gib) })
const postgres = exampleFinding({
  id: 'database:/var/lib/postgresql/15/main',
  kind: 'database',
  engine: 'postgresql',
  backUpBy: 'dump',
  inUse: 'yes',
})
const stopped = exampleFinding({
  id: 'database:/var/lib/mysql',
  kind: 'database',
  title: 'MariaDB in /var/lib/mysql',
  engine: 'mariadb',
  backUpBy: 'dump',
  inUse: 'unknown',
})
const erp = exampleFinding({
  id: 'database:/srv/erp.mdf',
  kind: 'database',
  title: 'SQL Server',
  engine: 'sql-server',
  backUpBy: 'hook',
})

function machine(more: Partial<Discovery> = {}): Discovery {
  const { machine: facts } = exampleDiscovery()
  return exampleDiscovery({ machine: { ...facts, usualFolders: ['/etc', '/home'] }, ...more })
}

function first(discovery: Discovery, place: Partial<Parameters<typeof firstPolicy>[1]> = {}) {
  const made = firstPolicy(
    { discovery, proposal },
    { folder: '/var/lib/understudy/server/repositories', freeBytes: 20 * gib, ownFolders: [], ...place },
  )
  assert.deepEqual(mistakesOf(made.policy, 0), [])
  return { ...made.policy.what, ...made, left: new Map(made.leftOut.map(({ what, why }) => [what, why])) }
}

test('on the same disk it takes data, not the system, and what is found later in the usual folders too', () => {
  const { include, left } = first(machine({ findings: [ann, data] }))
  assert.deepEqual(include, ['/etc', '/home', '/data'])
  assert.match(left.get('The system and its programs') ?? '', /same disk/)
})

test('what there is no room for is left out by name, and the rest of its folder is not', () => {
  const { include, left } = first(machine({ findings: [ann, ben, data] }))
  assert.deepEqual(include, ['/etc', '/home/ann/letters', '/data'])
  assert.match(left.get('/home/ben/films') ?? '', /no room .*40/)
})

test('what is only guessed to be data and is large waits for a person', () => {
  const { include, left } = first(machine({ findings: [data, heap] }))
  assert.ok(!include.includes('/opt/heap'))
  assert.match(left.get('/opt/heap') ?? '', /nobody has said/)
})

test('databases that run are dumped; of the others it is said what they need', () => {
  const { databases, left } = first(machine({ findings: [postgres, stopped, erp] }))
  assert.deepEqual(databases, [{ engine: 'postgresql', which: 'all' }])
  assert.match(left.get('MariaDB in /var/lib/mysql') ?? '', /neither runs/)
  assert.match(left.get('SQL Server') ?? '', /hook/)
})

test('the server’s own folders are never copied into themselves', () => {
  const own = '/home/ann/.local/share/understudy/server'
  const { exclude } = first(machine({ findings: [ann] }), { folder: `${own}/repositories`, ownFolders: [own, '/x'] })
  assert.ok(exclude?.includes(own))
  assert.ok(!exclude?.includes('/x'))
})

test('where copies lie on another disk with room for it, everything is taken; without room, data', () => {
  const volumes = [exampleVolume('/', { usedBytes: 5 * gib }), exampleVolume('/backup', { usedBytes: 0 })]
  const place = { folder: '/backup/repositories', ownFolders: ['/backup/repositories'] }
  const everything = first(machine({ volumes, findings: [ann] }), place)
  assert.deepEqual([everything.include, everything.exclude], [['/'], ['/proc', '/backup/repositories']])
  const some = first(machine({ volumes, findings: [ann] }), { ...place, freeBytes: 6 * gib })
  assert.deepEqual(some.include, ['/etc', '/home'])
  assert.match(some.left.get('The system and its programs') ?? '', /too much/)
})

test('a proposal becomes a policy with its dumps and hooks, and without a mistake', () => {
  const { what, when } = policyFromProposal(proposal)
  assert.deepEqual(what.databases, [{ engine: 'postgresql', which: 'all' }])
  assert.deepEqual(what.hookDumps, [{ hook: 'dump-sql-server' }])
  assert.deepEqual(when, { kind: 'cron', expression: '7 * * * *', timeZone: 'UTC' })
  assert.deepEqual(mistakesOf(policyFromProposal(proposal), 0), [])
})
