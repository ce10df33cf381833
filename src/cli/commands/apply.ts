import type { CliCommand } from '../command.ts'
export function define(_: CliCommand): void {}
