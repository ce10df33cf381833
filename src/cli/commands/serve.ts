import { join, resolve } from 'node:path'
import { AgentFolder, enrol, runAgent } from '#agent'
import { messageOf } from '#base'
import { openFileTarget } from '#filesystem'
import { startServer } from '#server'
import type { RunningServer } from '#server'
import type { CliCommand } from '../command.ts'
import { flag, listFlag, setHelp, valueFlag } from '../command.ts'
import { runs, textOf } from '../context.ts'
import type { CommandContext, CommandFlags } from '../context.ts'
import { agentFolder, serverFolder } from '../data-folder.ts'
import { ownProgram } from '../own-program.ts'
import { askPassword, readPasswordFile } from '../password.ts'
import { version } from '../version.ts'

const text = `
Runs the control server: the one place from which machines are set up, watched and proven. Without flags it listens on
this machine only, at http://localhost:8484, and keeps its data in a SQLite file. At any other address it speaks TLS only,
with a certificate that you give or one that it makes at its first start. At its first start it also enrols this machine,
looks what is on it, makes a backup policy for it and backs it up; it works as its agent from then on.`

export function define(command: CliCommand): void {
  setHelp(command, {
    text,
    examples: [
      'understudy serve',
      'understudy serve --listen 0.0.0.0:8484 --origin https://backup.example:8484',
      'understudy serve --storage s3:https://s3.example.com/backups',
      'understudy serve --rebuild-from /mnt/second --rebuild-password-file kit.txt',
      'understudy serve --database postgres://understudy@db/understudy --tls-certificate tls.crt --tls-key tls.key',
    ],
  })
  command.addOption(valueFlag('--listen <host:port>', 'where to listen (default: 127.0.0.1:8484)'))
  command.addOption(valueFlag('--data <folder>', 'where the server keeps its key, certificate and database'))
  command.addOption(valueFlag('--database <location>', 'a SQLite file or postgres://… (default: a file in --data)'))
  command.addOption(
    valueFlag(
      '--storage <location>',
      'where machines’ repositories lie, as --repo takes it (default: a folder in --data)',
    ),
  )
  command.addOption(
    valueFlag('--origin <url>', 'as people and machines reach it, if another name or port is before it'),
  )
  command.addOption(
    valueFlag('--alert-networks <list>', 'private networks that alerts may be sent into: 192.168.10.0/24,10.0.0.5'),
  )
  command.addOption(
    valueFlag('--rebuild-from <location>', 'bring a lost server back into an empty folder, from its own backup there'),
  )
  command.addOption(valueFlag('--rebuild-password-file <file>', 'a file with the password of the server’s own backup'))
  command.addOption(
    flag(
      '--without-own-backup',
      'with --rebuild-from: learn what can be learned from the machines’ repositories there',
    ),
  )
  command.addOption(valueFlag('--tls-certificate <file>', 'certificate, PEM'))
  command.addOption(valueFlag('--tls-key <file>', 'its key, PEM'))
  command.addOption(
    valueFlag(
      '--audit-to <place>',
      'send the audit log on as lines of JSON, to a file or https://… ($UNDERSTUDY_AUDIT_TOKEN: the receiver’s token)',
    ),
  )
  command.addOption(
    listFlag(
      '--protect <path>',
      'at the first start: what of this machine to back up (default: what is found to be data)',
    ),
  )
  command.addOption(flag('--no-agent', 'do not work as the agent of this machine'))
  command.addOption(flag('--log', 'write a log to standard error, a line of JSON for each event'))
  runs(command, serve, { outlivesOutput: true, runsUntilStopped: true })
}

async function serve(context: CommandContext, args: readonly string[], flags: CommandFlags): Promise<void> {
  const { printer, signal, env } = context
  if (args.length > 0) throw context.refuse('serve takes no arguments')
  // Whatever it writes is for its own user, also where nobody has said a mode.
  process.umask(0o077)
  const auditPlace = textOf(flags, 'auditTo')
  await using server = await startServer({
    folder: textOf(flags, 'data') ?? serverFolder(env),
    database: textOf(flags, 'database'),
    storage: textOf(flags, 'storage'),
    openTarget: (scratch) => openFileTarget(scratch, { foreign: true }),
    alertNetworks: textOf(flags, 'alertNetworks')
      ?.split(',')
      .map((network) => network.trim()),
    onProblem: (sentence) => printer.error(sentence),
    version,
    listen: textOf(flags, 'listen') ?? '127.0.0.1:8484',
    origin: readOrigin(context, textOf(flags, 'origin')),
    tls: readTls(context, flags),
    rebuild: await readRebuild(context, flags),
    audit: auditPlace === undefined ? undefined : { place: auditPlace, token: env.variables['UNDERSTUDY_AUDIT_TOKEN'] },
    logger: flags['log'] === true && { level: 'info', stream: process.stderr },
  })
  const { origin, ownerLink, fingerprint, rebuilt } = server
  if (!printer.isJson) for (const sentence of rebuilt) printer.say(sentence)
  const more = rebuilt.length > 0 ? { rebuilt } : {}
  if (printer.isJson) printer.json({ message_type: 'serving', origin, fingerprint, owner_link: ownerLink, ...more })
  else if (ownerLink === undefined) printer.say(`Understudy is at ${origin}`)
  else {
    printer.say(`Understudy is at ${origin}. To become its owner, open this link; it works once, and for a day:`)
    printer.say('')
    printer.say(`  ${ownerLink}`)
  }
  if (process.getuid?.() === 0 && flags['noAgent'] === true) {
    printer.error(
      'The server alone needs no root: `understudy service server --install` runs it as a service with a user of its own.',
    )
  }
  const stopped = new Promise<void>((ended) => signal.addEventListener('abort', () => ended(), { once: true }))
  if (flags['noAgent'] === true) return await stopped
  await Promise.all([stopped, workHere(context, server, flags)])
}

/** Works as the agent of this machine, if it is enrolled here. What goes wrong with that does not end the server. */
async function workHere(context: CommandContext, server: RunningServer, flags: CommandFlags): Promise<void> {
  const { printer, signal, env } = context
  const data = textOf(flags, 'data')
  const folder = new AgentFolder(data === undefined ? agentFolder(env) : join(data, 'agent'))
  const say = (sentence: string) => {
    if (printer.isJson) printer.json({ message_type: 'event', sentence: `agent: ${sentence}` })
    else printer.say(`agent: ${sentence}`)
  }
  try {
    const line = (await folder.findEnrolled()) ? undefined : await server.firstMachineLine(protectedPaths(flags))
    if (line !== undefined) await enrol(folder, line, { version })
    const enrolled = await folder.findEnrolled()
    if (enrolled?.origin !== server.origin) return
    if (line !== undefined) say('this machine is enrolled')
    await runAgent({ folder, program: ownProgram, version, signal, onEvent: say })
  } catch (thrown) {
    if (!signal.aborted) say(messageOf(thrown))
  }
}

/** Absolute, for the agent's program starts elsewhere. */
function protectedPaths(flags: CommandFlags): string[] {
  return ((flags['protect'] as string[] | undefined) ?? []).map((path) => resolve(path))
}

/** From where to bring a lost server back; its password comes from a file, or somebody types it. */
async function readRebuild(context: CommandContext, flags: CommandFlags) {
  const location = textOf(flags, 'rebuildFrom')
  const file = textOf(flags, 'rebuildPasswordFile')
  const isWithout = flags['withoutOwnBackup'] === true
  if (location === undefined) {
    if (file === undefined && !isWithout) return undefined
    throw context.refuse('--rebuild-password-file and --without-own-backup go with --rebuild-from')
  }
  if (isWithout && file !== undefined) throw context.refuse('--without-own-backup wants no password')
  if (isWithout) return { location, password: undefined }
  if (file !== undefined) return { location, password: readPasswordFile(file, '--rebuild-password-file') }
  const question = 'enter password of the server’s own backup: '
  return { location, password: await askPassword(question, context.signal, 'PASSWORD_MISSING') }
}

function readOrigin(context: CommandContext, given: string | undefined): string | undefined {
  if (given === undefined) return undefined
  if (!URL.canParse(given) || new URL(given).origin !== given.replace(/\/$/, '')) {
    throw context.refuse(`--origin must be like https://backup.example:8484, not "${given}"`)
  }
  return new URL(given).origin
}

function readTls(context: CommandContext, flags: CommandFlags) {
  const [certFile, keyFile] = [textOf(flags, 'tlsCertificate'), textOf(flags, 'tlsKey')]
  if (certFile === undefined && keyFile === undefined) return undefined
  if (certFile === undefined || keyFile === undefined) {
    throw context.refuse('--tls-certificate and --tls-key go together')
  }
  return { certFile, keyFile }
}
