// What the commands that follow a connection say of the options that they share.
import { Option, type Command } from 'commander';
import { parseCount, parseRetry, parseSeconds } from './settings.ts';

export const addTimeout = (command: Command): Command =>
  command.option('--timeout <seconds>', 'give up when not connected by then', parseSeconds);

export const addInsecure = (command: Command): Command =>
  command.option('--insecure', 'accept any certificate');

/** @param byDefault what happens without `--retry` */
export const addRetry = (command: Command, byDefault: string, delays: string): Command =>
  command
    .option(
      '--retry <count>',
      `attempts after a loss: a number, 'forever' or 'off'. If given, it holds for the first connection too (default: ${byDefault})`,
      parseRetry,
    )
    .option('--retry-max-delay <seconds>', `the longest wait between attempts${delays}`, parseSeconds);

/** @param noun what is counted */
export const addLimits = (command: Command, noun: string): Command =>
  command
    .option('--once', `end after the first ${noun}`)
    .option('--max-messages <n>', `end after n ${noun}s`, parseCount);

/**
 * @param types the objects that a program is given
 * @param noun what is shown besides states
 */
export const addOutput = (command: Command, types: string, noun = 'message'): Command =>
  command
    .addOption(
      new Option('--output <format>', `json: one object a line (${types}), nothing else`)
        .choices(['text', 'json'])
        .default('text'),
    )
    .option('--quiet', `print ${noun}s and errors only`);
