/**
 * The process that looks. A call on a dead disk cannot be cancelled; a process that is held by one can be left behind. So
 * everything that touches the disk happens here, each find is sent at once, and whoever started it ends it when a probe takes too
 * long (`looker.ts`).
 */
import { hostname } from 'node:os'
import { messageOf, systemClock } from '#base'
import { runNothing, toolRunner } from './commands.ts'
import { Files } from './files.ts'
import { Machine, findSilentMounts } from './machine.ts'
import type { LookAnswer, LookOrder } from './messages.ts'
import { probesFor } from './platform/index.ts'
import { roleOf } from './role.ts'
import { timeZoneOf, usualFolders } from './usual.ts'

process.once('message', (order: LookOrder) => {
  void follow(order)
})

// Whoever asked has all that was found, or has gone.
process.once('disconnect', () => process.exit())

function answer(message: LookAnswer): void {
  process.send?.(message)
}

async function follow(order: LookOrder): Promise<void> {
  const files = new Files({ root: order.root, unseen: () => undefined })
  if (!files.isFolder('/')) return answer({ kind: 'root-invalid' })
  const machine = await openMachine(files, order)
  for (const name of order.probes) {
    answer({ kind: 'starts', probe: name })
    machine.startProbe()
    try {
      await probesFor(order.platform)
        .find((probe) => probe.name === name)
        ?.look(machine)
    } catch (error) {
      answer({ kind: 'failed', probe: name, why: messageOf(error) })
    }
  }
  answer({ kind: 'ends' })
}

async function openMachine(files: Files, { root, platform, limits, silent }: LookOrder): Promise<Machine> {
  const mounts = silent ?? (await findSilentMounts(files, limits.mount))
  const machine = new Machine({
    root,
    platform,
    limits,
    silent: mounts,
    clock: systemClock,
    run: root === '/' ? toolRunner(limits.tool) : runNothing,
    sink: {
      finding: (finding) => answer({ kind: 'finding', finding }),
      volume: (volume) => answer({ kind: 'volume', volume }),
      unseen: (unseen) => answer({ kind: 'unseen', unseen }),
    },
  })
  if (!silent) {
    answer({ kind: 'silent', mounts })
    const hostName = root === '/' ? hostname() : (files.text('/etc/hostname')?.trim().slice(0, 255) ?? '')
    const about = {
      hostName: hostName || 'unknown',
      timeZone: timeZoneOf(root, machine),
      usualFolders: usualFolders(machine),
    }
    answer({ kind: 'machine', machine: { ...about, ...roleOf(machine) } })
  }
  return machine
}
