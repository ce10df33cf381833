import type { Command } from 'commander'
import { commandPath } from './command.ts'
import { CliError, usage } from './errors.ts'

import type { Environment } from './environment.ts'
import { readGlobalFlags } from './global-flags.ts'
import type { GlobalOptions } from './global-flags.ts'
import type { Interruption } from './interruption.ts'
import { Printer } from './printer.ts'
import type { Terminal } from './terminal.ts'

/** What a command runs with. */
export interface CommandContext {
  readonly name: string
  readonly globals: GlobalOptions
  readonly env: Environment
  readonly printer: Printer
  /** Aborts when the user wants an end, or nobody reads the output of a command that only prints. */
  readonly signal: AbortSignal
  /** The error for a mistake in the command line: `reason` is a sentence without its full stop. */
  refuse(reason: string): CliError
}

/** What is the same for all commands of a run of the program. */
export interface Host {
  readonly terminal: Terminal
  readonly env: Environment
  readonly interruption: Interruption
}

const hosts = new WeakMap<Command, Host>()

/** Gives the program, and so each of its commands, what it runs with. */
export function setHost(program: Command, host: Host): void {
  hosts.set(program, host)
}

export type CommandFlags = Readonly<Record<string, unknown>>
/** The value of a flag that takes one. */
export function textOf(flags: CommandFlags, name: string): string | undefined {
  return flags[name] as string | undefined
}

export type CommandWork = (context: CommandContext, args: readonly string[], flags: CommandFlags) => Promise<void>

export interface RunOptions {
  /** The command does something that is worth finishing when nobody reads what it prints. Default: it ends then. */
  readonly outlivesOutput?: boolean
  /** The command runs until a signal tells it to end, and has then ended well. */
  readonly runsUntilStopped?: boolean
}

/** Makes `work` what the command does. It fails by throwing; any exit code but 0 is an error's. */
export function runs(
  command: Command,
  work: CommandWork,
  { outlivesOutput = false, runsUntilStopped = false }: RunOptions = {},
): void {
  command.action(async () => {
    const host = hosts.get(rootOf(command))
    if (!host) throw new Error('the program has no host: see setHost')
    const context = createContext(command, host)
    host.terminal.onClosed(() => {
      if (!outlivesOutput) host.interruption.abort(new CliError('OUTPUT_CLOSED'))
    })
    if (runsUntilStopped) host.interruption.expectSignal()
    await work(context, command.args, command.opts<CommandFlags>())
  })
}

function createContext(command: Command, { terminal, env, interruption }: Host): CommandContext {
  const globals = readGlobalFlags(command, env)
  const { verbosity, json } = globals
  const name = commandPath(command)
  return {
    name,
    globals,
    env,
    printer: new Printer(terminal, { verbosity, json }),
    signal: interruption.signal,
    refuse: (reason) => usage(name, reason),
  }
}

function rootOf(command: Command): Command {
  return command.parent ? rootOf(command.parent) : command
}
