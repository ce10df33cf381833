import { errorClass } from '#base'

/** What can be wrong with a policy, or with what it is applied to. */
export const policyErrors = {
  POLICY_EMPTY: {
    message: 'No policy was given, so nothing is removed.',
    hint: 'Say what to keep: --keep-last 7, say, or --keep-within 1y.',
  },
  POLICY_COUNT_INVALID: {
    message: '"{text}" is not a number of snapshots to keep.',
    hint: 'Give a whole number from 0, or "unlimited".',
  },
  POLICY_DURATION_INVALID: {
    message: '"{text}" is not a duration: {reason}.',
    hint: 'Give years, months, days and hours, such as 1y5m7d2h.',
  },
  POLICY_GROUPING_INVALID: {
    message: '"{text}" is nothing that snapshots can be grouped by.',
    hint: 'Give host, paths and tags, separated by commas, or an empty text for one group of all.',
  },
  SNAPSHOT_TIME_INVALID: {
    message: 'The snapshot {id} has a time that cannot be read: "{time}".',
    hint: 'Nothing was removed. Run `understudy check`; a snapshot can be removed by its id.',
  },
  GROUP_WOULD_BE_EMPTIED: {
    message: 'The policy would remove all {count} snapshots of {group}, so nothing is removed.',
    hint: 'Mend the policy, or say --unsafe-allow-remove-all if no snapshot of the group is needed any more.',
  },
  REMOVE_ALL_UNFILTERED: {
    message: 'Without a policy and without a filter --unsafe-allow-remove-all would remove every snapshot.',
    hint: 'Say which snapshots are meant with --host, --tag or --path.',
  },
  TIME_ZONE_UNKNOWN: {
    message: '"{name}" is not a time zone.',
    hint: 'Give a name of the IANA list, such as Europe/Berlin, America/New_York or UTC.',
  },
  TIME_OF_DAY_INVALID: {
    message: '"{text}" is not a time of day.',
    hint: 'Give hours and minutes with two digits each, 00:00 to {last}.',
  },
  HOURS_EMPTY: {
    message: 'The hours from {from} to {to} end where they begin.',
    hint: 'For the whole day give 00:00 to 24:00.',
  },
  SCHEDULE_INVALID: {
    message: 'The schedule can not be used: {reason}.',
    hint: 'Say every so many minutes, daily, weekdays, weekly, monthly, or a cron expression such as "30 2 * * *".',
  },
  BACKUP_POLICY_INVALID: {
    message: 'The backup policy "{name}" can not be used. {sentences}',
    hint: 'Mend what is named; until then the policy as it was before stays in force.',
  },
} as const

export class PolicyError extends errorClass('PolicyError', policyErrors) {}
