import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { proposalSchema } from '#protocol'
import type { Discovery, Finding } from '#protocol'
import { exampleDiscovery, exampleFinding, exampleVolume } from '../../../test/helpers/example-discovery.ts'
import { seeded } from '../../../test/helpers/seed.ts'
import { coverageOf } from './coverage.ts'
import { patternFor, proposePolicy, scopeOf } from './proposal.ts'
import { formatDiscovery } from './report.ts'

const database = exampleFinding({
  id: 'database:/var/lib/mysql',
  kind: 'database',
  engine: 'mariadb',
  backUpBy: 'dump',
})
const erp = exampleFinding({ id: 'database:/srv/erp.mdf', kind: 'database', engine: 'sql-server', backUpBy: 'hook' })
const share = exampleFinding({ id: 'share:/srv/letters', kind: 'share' })
const cache = exampleFinding({ id: 'cache:/home/a[nn]/.cache', kind: 'cache', backUpBy: 'nothing' })
const vm = exampleFinding({ id: 'virtual-machine:/vm/mail', kind: 'virtual-machine', backUpBy: 'whole-machine' })

const office = exampleDiscovery({
  findings: [database, erp, share, cache, vm],
  volumes: [exampleVolume('/'), exampleVolume('/mnt/nas', { kind: 'network', source: 'nas:/export' })],
})

function laptop(more: Partial<Discovery>): Discovery {
  const machine = { hostName: 'ann', platform: 'linux', role: 'laptop', roleBecause: 'it has a battery' } as const
  return exampleDiscovery({ machine, ...more })
}

test('a server is proposed whole, with dumps of its databases, and without what lies elsewhere or is fetched again', () => {
  const { include, excludes, databases, schedule, open } = proposalSchema.parse(proposePolicy(office))
  assert.deepEqual(
    include.map(({ path }) => path),
    ['/'],
  )
  const patterns = excludes.map(({ pattern }) => pattern)
  for (const pattern of ['/proc', '/tmp', '/mnt/nas', '/home/a\\[nn\\]/.cache'])
    assert.ok(patterns.includes(pattern), pattern)
  assert.deepEqual(
    databases.map(({ engine, place, by, hook }) => [engine, place, by, hook]),
    [
      ['mariadb', '/var/lib/mysql', 'dump', undefined],
      ['sql-server', '/srv/erp.mdf', 'hook', 'dump-sql-server'],
    ],
  )
  assert.match(schedule.cron, /^\d+ \* \* \* \*$/, 'hourly: people work on a share')
  assert.ok(open.some((line) => line.includes('dump-sql-server')))
  assert.ok(open.some((line) => line.includes('Enrol it as a machine of its own')))
})

test('a laptop is proposed with what people keep and with every place where data was found', () => {
  const found = [
    exampleFinding({ id: 'folder:/data', kind: 'folder' }),
    exampleFinding({ id: 'documents:/home/ann/x', kind: 'documents' }),
  ]
  const { include } = proposePolicy(laptop({ findings: found, volumes: [exampleVolume('/'), exampleVolume('/data')] }))
  assert.deepEqual(
    include.map(({ path }) => path),
    ['/home', '/etc', '/data'],
  )
  assert.match(include[2]?.reason ?? '', /^A volume of its own/)
})

test('the proposal says what a person has to do: look again as root, look at what was not seen', () => {
  const { open } = proposePolicy(exampleDiscovery({ asAdministrator: false, unseen: [{ what: '/x', why: 'y' }] }))
  assert.equal(open.length, 2)
})

const names = fc.array(
  fc.string({ minLength: 1, maxLength: 5 }).map((name) => name.replaceAll(/[/\0]/g, '_')),
  {
    minLength: 1,
    maxLength: 4,
  },
)
const paths = names
  .map((parts) => `/srv/${parts.join('/')}`)
  .filter((path) => !path.split('/').some((part) => part === '.' || part === '..'))

test('everything that was found is covered by what is proposed, whatever it is called', () => {
  const finding = paths.map((path): Finding => exampleFinding({ id: `folder:${path}`, kind: 'folder' }))
  const property = fc.property(fc.array(finding, { maxLength: 5 }), fc.boolean(), (findings, isServer) => {
    const discovery = isServer ? exampleDiscovery({ findings }) : laptop({ findings })
    const coverage = coverageOf(discovery, [scopeOf(proposePolicy(discovery))])
    for (const { id } of findings) assert.equal(coverage.find(({ of }) => of === id)?.state, 'covered', id)
  })
  fc.assert(property, seeded())
})

test('a path as a pattern leaves out just that path', () => {
  const property = fc.property(paths, paths, (left, other) => {
    const findings = [left, other].map((path) => exampleFinding({ id: `folder:${path}`, kind: 'folder' }))
    const scope = { ...scopeOf(proposePolicy(exampleDiscovery())), excludes: [patternFor(left)] }
    const [, first, second] = coverageOf(exampleDiscovery({ findings }), [scope])
    assert.equal(first?.state, 'not')
    const isInside = other === left || other.startsWith(`${left}/`)
    assert.equal(second?.state, isInside ? 'not' : left.startsWith(`${other}/`) ? 'partly' : 'covered')
  })
  fc.assert(property, seeded())
})

test('the report reads as a page: what, how much, covered or not, how we know, what to do', () => {
  const proposal = proposePolicy(office)
  const onlyEtc = { ...scopeOf(proposal), name: 'Settings', include: ['/srv'], databases: [] }
  const lines = formatDiscovery(office, { coverage: coverageOf(office, [onlyEtc]), proposal })
  const page = lines.join('\n')
  assert.ok(page.startsWith('What is on office (a server: it has no desktop)\n'))
  assert.ok(
    page.includes(
      [
        '  share:/srv/letters: 1000 B in 10 files',
        '      covered by "Settings"',
        '      known by: /srv/letters',
        '      Back it up as files.',
      ].join('\n'),
    ),
    page,
  )
  assert.ok(page.includes('NOT COVERED: its files are copied by "Settings": not a backup of this database'), page)
  assert.ok(page.includes('  dump by the hook dump-sql-server of sql-server in /srv/erp.mdf: '), page)
})

test('names that would write into the terminal are shown harmlessly, and what was not seen is listed', () => {
  const evil = '/srv/\u001b[2J\u202e\nroot# '
  const findings = [exampleFinding({ id: `folder:${evil}`, kind: 'folder', title: `Folder ${evil}` })]
  const unseen = [{ what: evil, why: 'this user may not read it' }]
  const lines = formatDiscovery(exampleDiscovery({ findings, unseen, asAdministrator: false }))
  assert.ok(lines.every((line) => !/[\u0000-\u001f\u202e]/.test(line)))
  assert.ok(lines.includes('  /srv/\\u001b[2J\\u202e\\u000aroot# : this user may not read it'))
  assert.ok(lines.includes('Looked at as an ordinary user, who may not see everything.'))
})
