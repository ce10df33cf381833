import { z } from 'zod'
import { readWith, type Read } from './read.ts'

/**
 * The backup policy as it travels: in the API, to agents, and in a file of `understudy apply`. The types of the room
 * `policy` say the same; a test of types holds the two together.
 */

const weekday = z.enum(['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'])
const timeOfDay = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'a time of day such as 22:00')
const endOfHours = z.string().regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'a time of day such as 22:00, or 24:00')
const times = z.array(timeOfDay).min(1).max(48)
const id = z.string().min(1).max(200)

const hoursShape = {
  from: timeOfDay,
  to: endOfHours,
  days: z.array(weekday).min(1).max(7).exactOptional(),
}
const hours = z.strictObject(hoursShape)
const listOfHours = z.array(hours).max(100)

const scheduleHours = {
  timeZone: z.string().min(1).max(64),
  onlyBetween: listOfHours.exactOptional(),
  notBetween: listOfHours.exactOptional(),
  spreadMinutes: z.int().min(0).max(720).exactOptional(),
}

export const scheduleSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('every'),
    minutes: z.int().min(1).max(1440),
    from: timeOfDay.exactOptional(),
    ...scheduleHours,
  }),
  z.strictObject({ kind: z.enum(['daily', 'weekdays']), at: times, ...scheduleHours }),
  z.strictObject({ kind: z.literal('weekly'), days: z.array(weekday).min(1).max(7), at: times, ...scheduleHours }),
  z.strictObject({
    kind: z.literal('monthly'),
    day: z.union([z.int().min(1).max(31), z.literal('last')]),
    at: times,
    ...scheduleHours,
  }),
  z.strictObject({ kind: z.literal('cron'), expression: z.string().min(1).max(200), ...scheduleHours }),
])

/** KiB per second; 0 is a pause. */
const rate = z.int().min(0)
const rates = { upload: rate.exactOptional(), download: rate.exactOptional() }

const limits = z.strictObject({
  ...rates,
  hours: z
    .array(z.strictObject({ ...hoursShape, ...rates }))
    .max(100)
    .exactOptional(),
})

const rest = z.strictObject({
  batteryBelow: z.int().min(1).max(100).exactOptional(),
  onMeteredLine: z.boolean().exactOptional(),
  hours: listOfHours.exactOptional(),
})

const keepCount = z.union([z.int().min(0), z.literal('unlimited')])

const keep = z.strictObject({
  last: keepCount.exactOptional(),
  hourly: keepCount.exactOptional(),
  daily: keepCount.exactOptional(),
  weekly: keepCount.exactOptional(),
  monthly: keepCount.exactOptional(),
  yearly: keepCount.exactOptional(),
  within: z.string().min(1).max(40).exactOptional(),
})

/** A file in a folder, never a path: hooks are chosen from those that the machine has. */
const hookName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'the name of a hook, which is a file in the folder of hooks')

const coverage = z.strictObject({
  include: z.array(z.string().min(1).max(4096)).max(1000),
  exclude: z.array(z.string().max(4096)).max(10_000).exactOptional(),
  excludeCaches: z.boolean().exactOptional(),
  excludeLargerThan: z.string().max(20).exactOptional(),
  oneFileSystem: z.boolean().exactOptional(),
  volumeSnapshot: z.enum(['when possible', 'required', 'never']).exactOptional(),
  databases: z
    .array(
      z.strictObject({
        engine: z.enum(['postgresql', 'mariadb', 'sqlite']),
        which: z.union([z.literal('all'), z.array(z.string().min(1).max(4096)).max(1000)]),
      }),
    )
    .max(100)
    .exactOptional(),
  hookDumps: z
    .array(z.strictObject({ hook: hookName, file: z.string().min(1).max(4096).exactOptional() }))
    .max(100)
    .exactOptional(),
  hooks: z
    .strictObject({
      before: hookName.exactOptional(),
      after: hookName.exactOptional(),
      onFailure: hookName.exactOptional(),
    })
    .exactOptional(),
})

export const backupPolicySchema = z.strictObject({
  name: z.string().trim().min(1).max(100).describe('its name'),
  machines: z
    .array(z.enum(['server', 'pc', 'laptop', 'appliance']))
    .min(1)
    .max(4)
    .describe('kinds of machine that it is meant for')
    .exactOptional(),
  what: coverage,
  when: scheduleSchema,
  keep,
  to: z.strictObject({
    repository: id,
    copies: z
      .array(z.strictObject({ repository: id, when: scheduleSchema.exactOptional(), keep: keep.exactOptional() }))
      .max(20)
      .exactOptional(),
  }),
  limits: limits.exactOptional(),
  rest: rest.exactOptional(),
})

/** Reads a policy from anything: the policy, or one sentence for each mistake in its shape. What it means is not looked at. */
export function readBackupPolicy(value: unknown): Read<z.output<typeof backupPolicySchema>> {
  return readWith(backupPolicySchema, value)
}
