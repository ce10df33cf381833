import { resolve } from 'node:path'
import { coverageOf, enrol, formatDiscovery, look, proposePolicy, runAgent, sayYes, waitingRestores } from '#agent'
import type { WaitingRestore } from '#agent'
import { printable } from '#base'
import type { CliCommand } from '../command.ts'
import { flag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandFlags } from '../context.ts'
import { folderFlag, folderOf } from '../agent-folder-flag.ts'
import { readPasswordFile } from '../password.ts'
import { ownProgram } from '../own-program.ts'
import { version } from '../version.ts'
import { defineDumpDatabases, defineTryDumps } from './agent-databases.ts'
import { defineReadDevice } from './agent-devices.ts'
import { defineFirstCopy } from './agent-first-copy.ts'

const text = `
The agent works on a machine. It is enrolled at a server by the line that the server shows; then it runs, follows the backup
policies that the server gives it, also while the server is away, and reports. It calls the server and is never called, so
it works behind any router.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: ['understudy agent enroll https://backup.example:8484/#…', 'understudy agent run'],
  })
  defineEnroll(command.command('enroll'))
  defineRun(command.command('run'))
  defineLook(command.command('look'))
  defineApprove(command.command('approve'))
  definePassword(command.command('password'))
  defineDumpDatabases(command.command('dump-databases'))
  defineTryDumps(command.command('try-dumps'))
  defineReadDevice(command.command('read-device'))
  defineFirstCopy(command.command('first-copy'))
}

function defineEnroll(command: CliCommand): void {
  const about =
    'Makes this machine known to the server that an enrolment line is from. The line is good for a while only.'
  const example = 'understudy agent enroll https://backup.example:8484/#…'
  setHelp(command, { text: about, examples: [example, `${example} --keep-password`] })
  command.summary('make this machine known to a server').argument('<line>').addOption(folderFlag())
  command.addOption(
    flag(
      '--keep-password',
      'keep the password of the repository from the server, and show it once, to be written down',
    ),
  )
  command.addOption(
    flag('--anew', 'of a copy, of a machine with other hardware, or at another server: what it was is kept beside'),
  )
  runs(command, async (context, [line = ''], flags) => {
    const { printer } = context
    const options = { version, keepPassword: flags['keepPassword'] === true, anew: flags['anew'] === true }
    const enrolled = await enrol(folderOf(context, flags), line, options)
    const { machineId, origin, isApproved, password, before } = enrolled
    if (printer.isJson) {
      const known = { machine_id: machineId, origin, approved: isApproved }
      const more = { ...(password !== undefined && { password }), ...(before !== undefined && { before }) }
      return printer.json({ message_type: 'enrolled', ...known, ...more })
    }
    printer.say(`This machine is known at ${origin} as ${machineId}.`)
    if (before !== undefined) printer.say(`What it was until now, with its former key, lies in ${before}.`)
    if (password !== undefined) for (const sentence of keptPassword(password)) printer.result(sentence)
    printer.say(isApproved ? 'Start it with: understudy agent run' : 'It may work once somebody has approved it there.')
  })
}

/** Shown once. */
function keptPassword(password: string): readonly string[] {
  return [
    `The password of its repository: ${password}`,
    'Write it down now, and keep it where neither this machine nor the server is: without it nobody can read the backups.',
    'As the server does not have it, these are yours to do: old backups are not removed by themselves, nothing can be searched or',
    'looked at on the server, checks and test restores are done on this machine only, and the recovery kit has a blank for it.',
  ]
}

function defineRun(command: CliCommand): void {
  const about = 'Follows the backup policies of the server until it is told to end, and does the jobs that it is given.'
  setHelp(command, { text: about, examples: ['understudy agent run'] })
  command.summary('follow the server’s policies').addOption(folderFlag())
  command.addOption(valueFlag('--hooks <folder>', 'the machine’s own hooks (default: /etc/understudy/hooks)'))
  command.addOption(valueFlag('--rclone <program>', 'by which devices beside the machine are read (default: rclone)'))
  runs(
    command,
    async (context, args, flags) => {
      const { printer, signal } = context
      if (args.length > 0) throw context.refuse('agent run takes no arguments')
      await runAgent({
        folder: folderOf(context, flags),
        program: ownProgram,
        version,
        signal,
        ...ofMachine(flags),
        onEvent: (sentence) =>
          printer.isJson ? printer.json({ message_type: 'event', sentence }) : printer.say(sentence),
      })
    },
    { outlivesOutput: true, runsUntilStopped: true },
  )
}

/** What is the machine's own matter, and never the server's. */
function ofMachine(flags: CommandFlags): { readonly hooksFolder?: string; readonly rclone?: string } {
  const [folder, rclone] = [textOf(flags, 'hooks'), textOf(flags, 'rclone')]
  return {
    ...(folder !== undefined && { hooksFolder: resolve(folder) }),
    ...(rclone !== undefined && { rclone }),
  }
}

function defineLook(command: CliCommand): void {
  const about =
    'Says what is on this machine (volumes, documents, shares, databases, servers), and proposes what to back up.'
  setHelp(command, { text: about, examples: ['understudy agent look', 'understudy agent look --json'] })
  command.summary('say what is on this machine')
  runs(command, async (context, args) => {
    const { printer, signal } = context
    if (args.length > 0) throw context.refuse('agent look takes no arguments')
    const discovery = await look({ signal })
    const proposal = proposePolicy(discovery)
    const coverage = coverageOf(discovery, [])
    if (printer.isJson) return printer.json({ message_type: 'discovery', discovery, coverage, proposal })
    for (const line of formatDiscovery(discovery, { coverage, proposal })) printer.result(line)
  })
}

const aboutApprove = `
Shows the restores that this machine does not do without somebody's yes, or says yes to one. Folders that may be restored
into without asking stand in the file allowed-restores in the agent's folder, one a line; only snapshots that this machine
has made itself are restored there.`

function defineApprove(command: CliCommand): void {
  setHelp(command, {
    text: aboutApprove,
    examples: ['understudy agent approve', 'understudy agent approve 6a4f6d0e-0d3c-4a53-9f0e-6f2c8c0f1b2d'],
  })
  command.summary('say yes to a restore').argument('[operation]').addOption(folderFlag())
  command.addOption(
    valueFlag('--repository-password <file>', 'file with the password of the repository, where the server has none'),
  )
  runs(command, async (context, [operation, ...more], flags) => {
    const { printer, signal } = context
    if (more.length > 0) throw context.refuse('agent approve takes one operation')
    const folder = folderOf(context, flags)
    if (operation === undefined) {
      await folder.readEnrolled() // elsewhere there is nothing that could wait
      const waiting = await waitingRestores(folder)
      if (printer.isJson) return printer.json({ message_type: 'waiting', restores: waiting })
      if (waiting.length === 0) return printer.say('Nothing waits for a yes on this machine.')
      for (const line of waiting.flatMap(describeWaiting)) printer.result(line)
      return
    }
    const file = textOf(flags, 'repositoryPassword')
    const password = file === undefined ? undefined : readPasswordFile(file, '--repository-password')
    const approved = await sayYes(folder, operation, { password, version, signal })
    if (printer.isJson) return printer.json({ message_type: 'approved', operation, order: approved.order })
    printer.say(`The agent restores ${describeOrder(approved)}.`)
  })
}

function describeWaiting(waiting: WaitingRestore): string[] {
  const { operationId, because, needsPassword } = waiting
  return [
    `${operationId}  ${describeOrder(waiting)}`,
    `  waits because ${printable(because)}`,
    ...(needsPassword ? ['  needs the password of the repository: --repository-password FILE'] : []),
  ]
}

function describeOrder({ order: { snapshotId, paths, to, withOwners } }: WaitingRestore): string {
  const what = paths.length === 0 ? 'everything' : paths.map((path) => printable(path)).join(', ')
  const below = to.how === 'new folder' && to.below !== undefined ? ` below ${printable(to.below)}` : ''
  const place = to.how === 'in place' ? 'in its place, over what is there' : `to a new folder${below}`
  const owners = to.how === 'in place' || withOwners ? ', with its owners and rights' : ''
  return `${what} of snapshot ${snapshotId.slice(0, 8)} ${place}${owners}`
}

function definePassword(command: CliCommand): void {
  const about =
    'Gives a machine that takes the place of a lost one the password of the repository, where the server does not have it.'
  setHelp(command, { text: about, examples: ['understudy agent password /media/stick/password.txt'] })
  command.summary('take over a repository’s password').argument('<file>').addOption(folderFlag())
  runs(command, async (context, [file = ''], flags) => {
    const folder = folderOf(context, flags)
    if (await folder.hasRepositoryPassword()) throw context.refuse('this machine has a password already')
    await folder.takeOverPassword(readPasswordFile(file, 'agent password'))
    context.printer.say('The agent takes the repository over when it runs.')
  })
}
