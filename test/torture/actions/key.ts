import { readdirSync, rmSync, writeFileSync } from 'node:fs'
import { cheapenKey } from '../../helpers/cheap-key.ts'
import { TortureFailure } from '../failure.ts'
import { decideDisturbance } from '../faults/disturbance.ts'
import type { Disturbance } from '../faults/disturbance.ts'
import { password } from '../programs.ts'
import type { World } from '../world.ts'
import { hasSucceeded } from './action.ts'
import type { Action } from './action.ts'

interface KeyOrder {
  readonly kind: 'key'
  readonly change: 'add' | 'passwd'
  readonly disturbance: Disturbance
}

const newPassword = 'another password'

/** Changes the password, or adds one: at every moment one that was good opens the repository. */
export const key: Action<KeyOrder> = {
  kind: 'key',
  weight: 1.5,
  decide: (random) => ({
    kind: 'key',
    change: random.pick(['add', 'passwd'] as const),
    disturbance: decideDisturbance(random, 0.7),
  }),
  async run(world, { change, disturbance }, { tolerate }) {
    const { storage } = world.repositories[0]
    const file = `${world.folder}/new-password`
    writeFileSync(file, newPassword)
    const args = ['key', change, '--new-password-file', file]
    const ended = await world.programs.understudy({ storage, args, disturbance })
    const isDone = hasSucceeded(ended, `key ${change}`, { tolerate, disturbance })
    const opensWith = await passwords(world)
    const mustOpen = isDone ? (change === 'add' ? [password, newPassword] : [newPassword]) : []
    const wrong = mustOpen.filter((one) => !opensWith.includes(one))
    if (opensWith.length === 0 || wrong.length > 0)
      throw new TortureFailure(`after key ${change} no good password opens it`)
    if (isDone && change === 'passwd' && opensWith.includes(password)) {
      throw new TortureFailure('after key passwd the old password still opens it')
    }
    await backToOne(world, opensWith)
  },
}

/** Which of the two passwords open the repository. */
async function passwords({ programs, repositories }: World): Promise<string[]> {
  const { storage } = repositories[0]
  const good: string[] = []
  for (const one of [password, newPassword]) {
    const ended = await programs.understudy({ storage, args: ['cat', 'config'], env: { RESTIC_PASSWORD: one } })
    if (ended.how === 'ok') good.push(one)
    else if (ended.how !== 'PASSWORD_WRONG' && ended.how !== 'exit code 12')
      hasSucceeded(ended, 'cat config', { tolerate: 'nothing' })
  }
  return good
}

/** Back to one key with the usual password, and hardly any cost. */
async function backToOne({ programs, repositories, folder }: World, opensWith: readonly string[]): Promise<void> {
  const { storage } = repositories[0]
  if (!opensWith.includes(password)) {
    const file = `${folder}/old-password`
    writeFileSync(file, password)
    const env = { RESTIC_PASSWORD: newPassword }
    await programs.understudyOk({ storage, args: ['key', 'passwd', '--new-password-file', file], env })
  }
  const printed = await programs.understudyOk({ storage, args: ['key', 'list', '--json'] })
  const keys = JSON.parse(printed) as readonly { readonly current: boolean; readonly id: string }[]
  const current = keys.find((one) => one.current)?.id
  for (const name of readdirSync(`${storage.folder}/keys`))
    if (name !== current) rmSync(`${storage.folder}/keys/${name}`)
  cheapenKey(storage.folder, password)
}
