import assert from 'node:assert/strict'
import test from 'node:test'
import type { Coverage, Discovery, PolicyScope } from '#protocol'
import { exampleDiscovery, exampleFinding, exampleVolume } from '../../../test/helpers/example-discovery.ts'
import { coverageOf, uncoveredData } from './coverage.ts'

function policy(more: Partial<PolicyScope>): PolicyScope {
  return {
    name: 'Daily',
    include: [],
    excludes: [],
    insensitiveExcludes: [],
    oneFileSystem: false,
    databases: [],
    ...more,
  }
}

function coverage(discovery: Discovery, id: string, ...policies: PolicyScope[]): Coverage {
  const found = coverageOf(discovery, policies).find(({ of }) => of === id)
  assert.ok(found)
  return found
}

const documents = exampleFinding({ id: 'documents:/home/ann/Documents', kind: 'documents' })
const machine = exampleDiscovery({ findings: [documents] })

/** Whether ann's documents are covered. */
function stateUnder(more: Partial<PolicyScope>, discovery = machine): Coverage['state'] {
  return coverage(discovery, documents.id, policy(more)).state
}

test('a folder inside an included one is covered; without a policy nothing is', () => {
  assert.equal(stateUnder({ include: ['/home'] }), 'covered')
  assert.equal(stateUnder({ include: ['/home/ann/Documents/'] }), 'covered')
  assert.equal(stateUnder({ include: ['/home/an', '/etc'] }), 'not')
  assert.deepEqual(
    coverageOf(machine, []).map(({ state }) => state),
    ['not', 'not'],
  )
  assert.deepEqual(coverage(machine, documents.id).reasons, ['no policy reaches it'])
})

test('a new folder or volume inside the scope is included until it is excluded', () => {
  const fresh = exampleFinding({ id: 'folder:/srv/new disk', kind: 'folder' })
  const later = exampleDiscovery({ findings: [fresh], volumes: [exampleVolume('/'), exampleVolume('/srv/new disk')] })
  assert.equal(coverage(later, fresh.id, policy({ include: ['/srv'] })).state, 'covered')
  assert.equal(coverage(later, 'volume:/srv/new disk', policy({ include: ['/srv'] })).state, 'covered')
  assert.equal(coverage(later, fresh.id, policy({ include: ['/srv'], excludes: ['/srv/new disk'] })).state, 'not')
})

test('excludes count as they do in a backup: on the way to a folder, at it, below it', () => {
  assert.equal(stateUnder({ include: ['/home'], excludes: ['/home/ann'] }), 'not')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['Documents'] }), 'not')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['/home/*/Doc*'] }), 'not')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['/home/*', '!/home/ann'] }), 'covered')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['/home/ann/Documents/films'] }), 'partly')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['/home/*/Documents/*.iso'] }), 'partly')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['/home/bob'] }), 'covered')
  assert.equal(stateUnder({ include: ['/home'], excludes: ['documents'] }), 'covered')
  assert.equal(stateUnder({ include: ['/home'], insensitiveExcludes: ['documents'] }), 'not')
  assert.throws(() => stateUnder({ include: ['/'], excludes: ['[a'] }), { code: 'PATTERN_INVALID' })
})

test('patterns that hold wherever they match are told beside what is covered', () => {
  const { state, reasons } = coverage(machine, documents.id, policy({ include: ['/'], excludes: ['*.tmp'] }))
  assert.deepEqual([state, reasons], ['covered', ['"Daily" leaves out *.tmp wherever it lies']])
})

test('a policy that stays on its volume does not cover what is mounted below', () => {
  const split = exampleDiscovery({ findings: [documents], volumes: [exampleVolume('/'), exampleVolume('/home')] })
  assert.equal(stateUnder({ include: ['/'], oneFileSystem: true }, split), 'not')
  assert.equal(stateUnder({ include: ['/'], oneFileSystem: false }, split), 'covered')
  assert.equal(stateUnder({ include: ['/', '/home'], oneFileSystem: true }, split), 'covered')
  assert.equal(coverage(split, 'volume:/', policy({ include: ['/'], oneFileSystem: true })).state, 'partly')
})

test('several policies cover a finding with several places together only when each place is covered whole', () => {
  const two = exampleFinding({
    id: 'web-server:/nginx',
    kind: 'web-server',
    places: ['/etc/nginx', '/srv/shop'].map((path) => ({ path, isFile: false })),
  })
  const discovery = exampleDiscovery({ findings: [two] })
  const etc = policy({ name: 'Settings', include: ['/etc'] })
  const shop = policy({ name: 'Shop', include: ['/srv'] })
  assert.equal(coverage(discovery, two.id, etc).state, 'partly')
  assert.deepEqual(coverage(discovery, two.id, etc, shop).policies, ['Settings', 'Shop'])
  assert.equal(coverage(discovery, two.id, etc, shop).state, 'covered')
  assert.equal(coverage(discovery, two.id, etc, policy({ include: ['/srv/shop/img'] })).state, 'partly')
})

test('a database is covered by a dump alone, never by copies of its files', () => {
  const database = exampleFinding({
    id: 'database:postgresql:/var/lib/postgresql/15/main',
    kind: 'database',
    engine: 'postgresql',
    backUpBy: 'dump',
    inUse: 'yes',
  })
  const discovery = exampleDiscovery({ findings: [database] })
  const files = coverage(discovery, database.id, policy({ include: ['/'] }))
  assert.deepEqual(
    [files.state, files.reasons],
    ['not', ['its files are copied by "Daily": not a backup of this database']],
  )
  const at = (place: string) => policy({ databases: [{ engine: 'postgresql', place }] })
  assert.equal(coverage(discovery, database.id, at('/var/lib/postgresql/15/main/')).state, 'covered')
  assert.equal(coverage(discovery, database.id, at('/var/lib/postgresql/14/main')).state, 'not')
})

test('images of machines and databases in containers are covered in part by their files', () => {
  const vm = exampleFinding({ id: 'virtual-machine:/vm/mail', kind: 'virtual-machine', backUpBy: 'whole-machine' })
  const container = exampleFinding({ id: 'container:Docker:/db', kind: 'container', backUpBy: 'hook' })
  const discovery = exampleDiscovery({ findings: [vm, container] })
  const states = [vm, container].map(({ id }) => coverage(discovery, id, policy({ include: ['/'] })).state)
  assert.deepEqual(states, ['partly', 'partly'])
})

test('what can be fetched again, and what lies on another machine, need not be covered', () => {
  const cache = exampleFinding({ id: 'cache:/home/ann/.cache', kind: 'cache', backUpBy: 'nothing' })
  const nas = exampleVolume('/mnt/nas', { kind: 'network', source: 'nas:/export' })
  const discovery = exampleDiscovery({ findings: [cache], volumes: [nas] })
  const states = coverageOf(discovery, []).map(({ state }) => state)
  assert.deepEqual(states, ['not-needed', 'not-needed'])
})

test('paths of Windows are matched part by part, whichever slash they have', () => {
  const windows = exampleFinding({
    id: 'documents:C:/Users/ann/Documents',
    kind: 'documents',
    places: [{ path: 'C:/Users/ann/Documents', isFile: false }],
  })
  const discovery = exampleDiscovery({ findings: [windows], volumes: [exampleVolume('C:/')] })
  const state = (more: Partial<PolicyScope>) => coverage(discovery, windows.id, policy(more)).state
  assert.equal(state({ include: ['C:\\Users'] }), 'covered')
  assert.equal(state({ include: ['C:\\'] }), 'covered')
  assert.equal(state({ include: ['C:\\Users'], excludes: ['C:\\Users\\ann'] }), 'not')
  assert.equal(state({ include: ['D:\\'] }), 'not')
})

test('data on a PC that no policy covers is told once, with its size; caches and settings are not told', () => {
  const mail = exampleFinding({
    id: 'mail-archive:/home/ann/Documents/old.pst',
    kind: 'mail-archive',
    places: [{ path: '/home/ann/Documents/old.pst', isFile: true }],
  })
  const cache = exampleFinding({ id: 'cache:/home/ann/.cache', kind: 'cache', backUpBy: 'nothing' })
  const settings = exampleFinding({ id: 'settings:/home/ann', kind: 'settings' })
  const discovery = exampleDiscovery({ findings: [documents, mail, cache, settings] })
  const local = uncoveredData(discovery, coverageOf(discovery, []))
  assert.deepEqual(
    local.findings.map(({ kind }) => kind),
    ['documents', 'mail-archive'],
  )
  assert.deepEqual(local.size, { bytes: 1000, files: 10, isAtLeast: false }, 'the archive lies in the documents')
  assert.equal(local.sentence, 'office holds data that no policy covers: 1000 B in 10 files, in 2 places.')
  const covered = uncoveredData(discovery, coverageOf(discovery, [policy({ include: ['/home'] })]))
  assert.equal(covered.sentence, 'office holds no data that no policy covers.')
})
