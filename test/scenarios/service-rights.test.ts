import assert from 'node:assert/strict'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { run, runOk } from '../helpers/run.ts'
import { mainModule } from '../helpers/serving.ts'
import { tempFolder } from '../helpers/temp.ts'

const skip =
  (process.getuid?.() !== 0 && 'only root can give rights away') ||
  (!existsSync('/usr/bin/setpriv') && 'not on this machine: setpriv')

/** As the unit of an agent has it that reads only. */
const rights = ['--no-new-privs', '--inh-caps=-all', '--bounding-set=-all,+dac_read_search']

test(
  'with the rights that the service of an agent has, what others keep to themselves is backed up, and cannot be changed',
  { skip },
  async () => {
    await using folder = await tempFolder()
    const [data, secret] = [folder.join('data'), folder.join('data', 'secret')]
    mkdirSync(data)
    writeFileSync(secret, 'for Anna only')
    chmodSync(secret, 0o600)
    chmodSync(data, 0o700)
    for (const path of [secret, data]) chownSync(path, 12345, 12345)
    writeFileSync(folder.join('password'), 'a password')
    const flags = ['--repo', folder.join('repo'), '--password-file', folder.join('password'), '--no-cache']
    const limited = async (...args: readonly string[]) => await run('setpriv', [...rights, ...args])
    const understudy = [process.execPath, mainModule]
    for (const words of [['init'], ['backup', data]]) {
      const { code, stderr } = await limited(...understudy, ...words, ...flags)
      assert.deepEqual([code, stderr], [0, ''])
    }
    assert.notEqual((await limited('sh', '-c', `echo spoiled > ${secret}`)).code, 0)
    await runOk(process.execPath, [mainModule, 'restore', 'latest', '--target', folder.join('back'), ...flags])
    assert.equal(readFileSync(folder.join('back', secret), 'utf8'), 'for Anna only')
  },
)
