import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import test from 'node:test'
import koffi from 'koffi'
import { fakeRoot } from '../../../test/helpers/fake-root.ts'
import { look } from './look.ts'

/**
 * A FUSE file system whose server, this test, never says a word: every look at it waits for ever, as at a dead NFS server.
 */
function mountDead(target: string): Disposable {
  const libc = koffi.load('libc.so.6')
  const mount = libc.func('int mount(const char *, const char *, const char *, unsigned long, const char *)')
  const umount = libc.func('int umount2(const char *, int)')
  const fuse = fs.openSync('/dev/fuse', 'r+')
  assert.equal(mount('dead', target, 'fuse', 0, `fd=${fuse},rootmode=40000,user_id=0,group_id=0`), 0)
  return {
    [Symbol.dispose]: () => {
      umount(target, 2) // detach: an ordinary one would wait as well
      fs.closeSync(fuse)
    },
  }
}

function cannotMount(): string | false {
  if (process.platform !== 'linux') return 'Linux only'
  if (process.getuid?.() !== 0) return 'needs root'
  if (!fs.existsSync('/dev/fuse')) return 'kernel: it has no FUSE'
  return spawnSync('unshare', ['--mount', 'true']).status !== 0 && 'kernel: mounting is not allowed here'
}

const files = {
  'srv/dead': undefined,
  'srv/alive/x': 'x',
  'etc/exports': '/srv/alive *(rw)\n/srv/dead *(rw)\n',
  'home/ann/Documents/y': 'y',
}

test(
  'a dead mount that is known is not touched: it is told as silent, and the rest is found',
  { skip: cannotMount() },
  async () => {
    const mountinfo = '22 1 8:1 / / rw - ext4 /dev/sda1 rw\n23 22 0:50 / /srv/dead rw - nfs4 nas:/export rw\n'
    await using root = await fakeRoot({ ...files, 'proc/self/mountinfo': mountinfo })
    using _ = mountDead(root.join('srv/dead'))
    const { volumes, findings, unseen } = await look({ root: root.path, platform: 'linux', limits: { mount: 300 } })
    assert.deepEqual(
      volumes.map(({ path, kind, unseen: why }) => [path, kind, why]),
      [
        ['/', 'local', undefined],
        ['/srv/dead', 'network', 'it does not answer: what it comes from may be down'],
      ],
    )
    const ids = findings.map(({ id }) => id)
    assert.ok(ids.includes('share:NFS:/srv/alive'))
    assert.ok(ids.includes('documents:/home/ann/Documents'))
    assert.deepEqual(unseen, [])
  },
)

test(
  'a dead mount that nobody knows of costs what is left of the probes that meet it, and no others',
  { skip: cannotMount() },
  async () => {
    await using root = await fakeRoot(files)
    using _ = mountDead(root.join('srv/dead'))
    const { findings, unseen } = await look({ root: root.path, platform: 'linux', limits: { probe: 4_000 } })
    const ids = findings.map(({ id }) => id)
    assert.ok(ids.includes('documents:/home/ann/Documents'), ids.join())
    assert.ok(ids.includes('share:NFS:/srv/alive'), 'found before the probe hung')
    const titles = unseen.filter(({ why }) => why.startsWith('it took longer than 4 s')).map(({ what }) => what)
    assert.ok(titles.includes('shares (Samba, NFS)'), titles.join())
    assert.ok(!titles.includes('documents and mail of the users'), titles.join())
  },
)
