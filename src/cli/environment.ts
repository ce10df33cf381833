/** The environment: our own names, and restic's where ours are not set, so that scripts need not be changed. */

/** Names of variables without `UNDERSTUDY_` or `RESTIC_`. */
const secrets = ['PASSWORD', 'PASSWORD2', 'FROM_PASSWORD', 'REST_PASSWORD', 'REST_USERNAME', 'TOKEN', 'AUDIT_TOKEN']

export class Environment {
  /** A copy with everything in it. Never hand it to a child. */
  readonly variables: NodeJS.ProcessEnv

  private constructor(variables: NodeJS.ProcessEnv) {
    this.variables = variables
  }

  /** Takes the secrets out of `env`, so that no child and no thread inherits them. */
  static take(env: NodeJS.ProcessEnv = process.env): Environment {
    const all = { ...env }
    for (const name of secrets) {
      delete env[`UNDERSTUDY_${name}`]
      delete env[`RESTIC_${name}`]
    }
    return new Environment(all)
  }

  /** The value of `UNDERSTUDY_name`, else of `RESTIC_name`; one that is empty counts as not set. */
  get(name: string): string | undefined {
    return this.variables[`UNDERSTUDY_${name}`] || this.variables[`RESTIC_${name}`] || undefined
  }

  /** The name by which a person knows the variable that is set, for messages. */
  nameOf(name: string): string {
    return this.variables[`UNDERSTUDY_${name}`] ? `UNDERSTUDY_${name}` : `RESTIC_${name}`
  }

  /** True for the words that restic takes for yes. */
  isOn(name: string): boolean {
    return ['1', 't', 'T', 'true', 'TRUE', 'True'].includes(this.get(name) ?? '')
  }
}
