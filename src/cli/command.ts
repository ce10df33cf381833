import { Command, Option } from 'commander'
import type { HelpContext } from 'commander'

/**
 * A command whose flags are read as restic's are (Go's pflag): a switch may be written `--json=true`, a count
 * `--verbose=2`, and a short flag's value `-t=folder`.
 */
export class CliCommand extends Command {
  override createCommand(name?: string): CliCommand {
    return new CliCommand(name)
  }

  override parseOptions(args: readonly string[]): { operands: string[]; unknown: string[] } {
    return super.parseOptions(this.#rewrite(args))
  }

  /** The commands come before the flags: they are what a newcomer looks for. */
  override helpInformation(context?: HelpContext): string {
    const sections = super.helpInformation(context).split(/\n\n(?=\S)/)
    const commands = sections.findIndex((section) => section.startsWith('Commands:'))
    const flags = sections.findIndex((section) => section.startsWith('Flags:'))
    if (commands < 0 || flags < 0 || commands < flags) return `${sections.join('\n\n').trimEnd()}\n`
    sections.splice(flags, 0, ...sections.splice(commands, 1))
    return `${sections.map((section) => section.trimEnd()).join('\n\n')}\n`
  }

  #rewrite(args: readonly string[]): string[] {
    const rewritten: string[] = []
    for (let at = 0; at < args.length; at++) {
      const arg = args[at] as string
      if (arg === '--') return [...rewritten, ...args.slice(at)]
      // What comes after the name of a subcommand is read by that.
      if (this.commands.some((command) => command.name() === arg)) return [...rewritten, ...args.slice(at)]
      rewritten.push(...this.#rewriteOne(arg))
      if (this.#find(arg)?.required && at + 1 < args.length) rewritten.push(args[++at] as string)
    }
    return rewritten
  }

  #rewriteOne(arg: string): readonly string[] {
    const alone = this.#find(arg)
    if (alone instanceof OptionalValueFlag) return [`${alone.long}=${alone.valueWhenBare}`]
    const [, name, value] = /^(--[^=]+|-[A-Za-z])=(.*)$/s.exec(arg) ?? []
    const option = name === undefined ? undefined : this.#find(name)
    if (!option || name === undefined || value === undefined) return [arg]
    if (option.required) return name.startsWith('--') ? [arg] : [name, value]
    if (option instanceof CountFlag && /^[0-9]$/.test(value)) return Array<string>(Number(value)).fill(name)
    if (option.isBoolean() && ['true', '1', 't'].includes(value)) return [name]
    if (option.isBoolean() && ['false', '0', 'f'].includes(value)) return []
    return [arg]
  }

  #find(name: string): Option | undefined {
    return this.options.find((option) => option.short === name || option.long === name)
  }
}

/** A switch. Its name may begin with `no-` without being the opposite of another. */
export function flag(names: string, description: string): Option {
  const option = new Option(names, description)
  option.negate = false
  return option
}

/** A flag with a value. */
export function valueFlag(names: string, description: string): Option {
  return new Option(names, description)
}

/** A flag that may be given several times; the values are a list. */
export function listFlag(names: string, description: string): Option {
  return new Option(names, description).argParser((value: string, previous: readonly string[] | undefined) => [
    ...(previous ?? []),
    value,
  ])
}

/** A flag that may be given several times, each time with values separated by commas. */
export function commaListFlag(names: string, description: string): Option {
  return new Option(names, description).argParser((value: string, previous: readonly string[] | undefined) => [
    ...(previous ?? []),
    ...value.split(','),
  ])
}

/** A switch that counts how often it is given. */
export class CountFlag extends Option {
  constructor(names: string, description: string) {
    super(names, description)
    this.argParser((_, previous: number | undefined) => (previous ?? 0) + 1)
  }
}

/** A flag whose value may be left out, and then is `valueWhenBare`. A value needs `=`: what follows is an argument. */
export class OptionalValueFlag extends Option {
  readonly valueWhenBare: string

  constructor(names: string, description: string, valueWhenBare: string) {
    super(names, description)
    this.valueWhenBare = valueWhenBare
  }
}

/** What a command's help says beyond its flags. */
export interface CommandHelp {
  /** What it is for. */
  readonly text: string
  readonly examples: readonly string[]
  /** Exit codes that it has besides those that all have. */
  readonly exitCodes?: Readonly<Record<number, string>>
  /** It calls a server: what is said of repositories and their passwords does not concern it. */
  readonly ofServer?: boolean
}

const helps = new WeakMap<Command, Required<CommandHelp>>()

/** What `setHelp` was given, exit codes that all commands have included: for the manual. */
export function helpOf(command: Command): Required<CommandHelp> | undefined {
  return helps.get(command)
}

const commonExitCodes: Readonly<Record<number, string>> = {
  0: 'Everything was done.',
  1: 'It failed.',
  130: 'Interrupted.',
}

const repositoryExitCodes: Readonly<Record<number, string>> = {
  10: 'There is no repository.',
  11: 'The repository is locked.',
  12: 'The password is wrong.',
}

/** Puts the help into the command: what it is for, examples, exit codes. */
export function setHelp(command: Command, { text, examples, exitCodes = {}, ofServer = false }: CommandHelp): void {
  command.description(text.trim().replaceAll('\n', ' '))
  command.optionsGroup('Flags:').helpOption('-h, --help', 'explain the command').helpCommand(false)
  const allCodes = { ...commonExitCodes, ...(!ofServer && repositoryExitCodes), ...exitCodes }
  helps.set(command, { text: text.trim(), examples, exitCodes: allCodes, ofServer })
  const codes = Object.entries(allCodes)
    .map(([code, meaning]) => ({ code: Number(code), meaning }))
    .toSorted((a, b) => a.code - b.code)
    .map(({ code, meaning }) => `  ${String(code).padEnd(4)} ${meaning}`)
  const lines = [
    '',
    `Flags of all commands (${ofServer ? '' : '--repo, --password-file, '}--json, …): see \`understudy --help\`.`,
    '',
    'Examples:',
    ...examples.map((example) => `  ${example}`),
    '',
    'Exit codes:',
    ...codes,
  ]
  command.addHelpText('after', lines.join('\n'))
}

/** The words by which a command is called, without the program's name: `key add`. */
export function commandPath(command: Command): string {
  const names: string[] = []
  for (let at: Command | null = command; at?.parent; at = at.parent) names.unshift(at.name())
  return names.join(' ')
}
