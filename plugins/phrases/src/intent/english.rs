//! English words of commands, by sense. Rule: each entry has one sense; an ambiguous word has several entries, and a
//! possible subject, time or denial has none.

use super::sense::{
    ADVERB, BOARD, BUILD, CHAT, DETERMINER, DONE, END, ENTER, LOG, MEETING, MOVE, NEXT, NOTES, OPEN, PAST, RECORD,
    SHOW, SPOKEN, STATE, Sense, TAKE, TASKS, THIS, THIS_MODE, TICK, UNAMBIGUOUS, WHAT,
};

#[rustfmt::skip]
pub const WORDS: &[(Sense, &[&str])] = &[
    (OPEN, &[
        "start", "start up", "begin", "open", "open up", "launch", "kick off", "fire up", "initiate", "commence", "get started with", "get going with", "activate", "enable", "start off", "get under way with", "get on with", "get the ball rolling on", "get rolling on", "start to", "begin to", "get started on", "switch on", "turn on",
    ]),
    (ENTER, &[
        "go for", "go to", "go in", "go into", "go over to", "go back to", "get into", "get in", "get us in", "get us into", "get me in", "get me into", "switch to", "switch into", "switch over to", "switch over into", "switch back to", "switch us to", "switch us over to", "switch us into", "switch me to", "switch me over to", "switch me into", "switch yourself to", "switch yourself into", "change to", "change into", "change over to", "move to", "move into", "move over to", "jump to", "jump into", "hop into", "hop over to", "pop into", "pop over to", "pop us into", "put me in", "put me into", "put us in", "put us into", "put yourself in", "put yourself into", "put it in", "put it into", "take me to", "take us to", "take me into", "take us into", "bring me to", "bring us to", "enter", "enter into", "return to", "flip to", "flip over to", "set yourself to", "turn to", "turn into", "set it to", "be in", "do",
    ]),
    (SHOW, &[
        "have a look", "take a look", "have a quick look", "take a quick look", "look", "have a listen to", "let me know", "let us know", "tell me about", "update me about", "give me an update on", "give us an update on", "give me the status of", "give me the state of", "give me a rundown of", "give me a quick rundown of", "give me the rundown on", "speak", "read them", "read them out", "read it", "read it out", "read it to me", "read them to me", "show it", "show it to me", "show them", "show them to me", "tell me what", "go ahead and read", "present", "narrate", "dictate", "start reading", "begin reading", "start with",
        "show", "show me", "show us", "read", "read me", "read us", "read out", "read out to me", "read to me", "read aloud", "read off", "read back", "read through", "read over", "list", "list out", "list me", "tell", "tell me", "tell us", "display", "bring up", "bring me", "bring us", "pull up", "pull me up", "pull out", "call up", "put up", "throw up", "give me", "give us", "get me", "get up", "let me see", "let us see", "let's see", "let me hear", "let's hear", "let me have", "let's have", "let me have a look at", "let's have a look at", "let me look at", "let's look at", "let me take a look at", "let's take a look at", "let me check", "let's check", "have a look at", "have a quick look at", "have a look in", "have a peek at", "take a look at", "take a quick look at", "take a peek at", "take a glance at", "look at", "look in", "look over", "look into", "look up", "look through", "check", "check on", "check in on", "check over", "check out", "go over", "go through", "run over", "run through", "run me through", "run us through", "run down", "walk me through", "walk us through", "talk me through", "talk us through", "take me through", "take us through", "fetch", "fetch me", "grab", "grab me", "find", "find me", "load", "load up", "view", "see", "hear", "pop up", "print", "print out", "inspect", "recite", "report", "report on", "report back on", "update me on", "catch me up on", "fill me in on", "brief me on", "remind me of", "remind me about", "see about", "go and check", "go check", "go and look at", "go look at", "go see", "go and see", "peek at", "scan", "review", "open",
    ]),
    (END, &[
        "end", "stop", "finish", "finish up", "finish off", "close", "close up", "close out", "close down", "close off", "shut", "shut down", "shut off", "quit", "exit", "exit from", "exit out of", "leave", "get out of", "get me out of", "get us out of", "take me out of", "take us out of", "come out of", "go out of", "pull me out of", "pull us out of", "bring me out of", "let me out of", "step out of", "drop out of", "back out of", "log out of", "log me out of", "turn off", "switch off", "terminate", "conclude", "wrap up", "wind up", "bring to an end", "bring to a close", "put an end to", "kill", "cut", "cut off", "halt", "cease", "discontinue", "deactivate", "disable", "put away", "stop with", "be done with",
    ]),
    (RECORD | UNAMBIGUOUS, &["record", "start recording", "begin recording", "tape", "begin to record", "start to record", "get recording", "keep recording", "record all of", "record everything in", "get a recording of", "make a recording of"]),
    (RECORD | UNAMBIGUOUS, &["start minutes for", "start the minutes for", "start minutes of", "start the minutes of", "start notes for", "start the notes for", "begin minutes for", "begin the minutes for", "begin notes for", "do the minutes for", "do minutes for", "do the notes for", "start note taking for", "take care of the notes for", "take care of the minutes for", "take care of the minutes of", "handle the minutes for", "handle the notes for", "transcribe", "start transcribing", "begin transcribing", "take minutes of", "take notes of", "take notes on", "take notes in", "take notes for", "take notes during", "take minutes for", "take minutes in", "take minutes on", "start taking notes of", "start taking notes for", "start taking minutes of", "start taking minutes for", "begin taking notes of", "begin taking notes for", "begin taking minutes of"]),
    (RECORD, &["document", "log", "minute", "write down", "note down", "jot down", "capture", "get down", "keep a record of", "make a record of", "take a record of", "take down"]),
    (TAKE, &["take", "take down", "taking", "start taking", "begin taking", "start to take", "begin to take", "keep", "keep taking", "make", "start making", "write", "write up", "write down", "jot down", "do", "start doing", "jot"]),
    (NOTES | UNAMBIGUOUS, &["recording", "the recording", "meeting recording", "a recording", "recording of the meeting", "voice recording", "audio recording", "recording us"]),
    (NOTES, &["notes", "the notes", "minutes", "the minutes", "meeting notes", "meeting minutes", "note taking", "note-taking", "transcription", "transcript", "minutes of meeting", "minutes of the meeting", "notes of the meeting", "taking notes", "taking minutes", "taking the notes", "taking the minutes", "transcribing", "the tape", "audio"]),
    (MEETING, &["meeting", "stand-up", "stand up", "standup", "conference", "conference call", "team call", "team meeting", "retro", "retrospective", "review meeting", "briefing", "team briefing"]),
    (SPOKEN, &["discussion", "session", "huddle", "sync", "catch-up", "catch up", "call", "conversation", "everything", "what we say", "everything we say", "everything that is said", "what is said", "us", "this", "talk", "presentation", "interview", "kickoff", "workshop", "lecture"]),
    (TICK | UNAMBIGUOUS, &["tick off", "check off", "cross off", "cross out", "mark as done", "mark done", "mark as complete", "mark as completed", "mark complete", "mark completed", "mark as finished", "strike off", "scratch off", "tick it off", "check it off", "cross it off", "mark it off", "mark it done", "mark it as done", "mark it complete", "mark it as complete", "mark it as completed", "mark it finished", "mark it as finished", "tick that off", "check that off", "cross that off", "mark that off", "mark that done", "mark that as done", "mark that as complete", "tick this off", "check this off", "cross this off", "mark this off", "mark this done", "mark this as done", "mark this as complete", "mark this complete", "tick it", "cross it out", "strike it off", "scratch it off"]),
    (TICK, &["tick", "check", "cross", "mark off", "mark it", "mark", "mark down", "strike out", "scratch", "close", "close off", "close out", "set", "flag", "put", "close it off", "close it out", "remove it", "take it off"]),
    (DONE, &["done", "is done", "are done", "as done", "finished", "is finished", "as finished", "complete", "completed", "is complete", "is completed", "as complete", "as completed", "off", "to done", "to complete", "to completed", "sorted", "is sorted", "all done", "is all done", "'s done", "this one's done", "that one's done", "this one's finished", "that one's finished", "i finished", "i've finished", "i have finished", "i completed", "i've completed", "i did", "i've done", "i'm done with", "i am done with", "i'm finished with", "we finished", "we've finished", "just finished", "finished with", "done with", "i just finished", "i've just finished", "i just did", "i just completed", "that's done", "that's finished", "that's sorted", "it's done", "it's finished", "is done now", "out of the way", "taken care of", "got it done", "is ready"]),
    (PAST, &["i", "i've", "i have", "we", "we've", "just", "yesterday", "already", "this morning", "last night", "earlier", "just now", "earlier today", "a minute ago", "an hour ago", "last week", "today", "before", "now", "off my list", "off the list", "off my board", "off the board", "on my list", "on the list", "on my board", "on the board", "from my list", "from the list", "from the board", "up"]),
    (MOVE, &["go ahead with", "go ahead to", "keep going with", "keep going to", "keep going on to", "proceed on to", "move ahead to", "move ahead with", "next up", "come to", "hop to", "hop on to", "scroll to", "step to", "shift to", "pick", "pick up", "let's hear", "let's have", "let's see", "let me have", "let me hear", "let me see", "hit me with","go to", "go on to", "go on with", "move to", "move on to", "move along to", "move me to", "jump to", "jump on to", "jump ahead to", "skip to", "skip ahead to", "skip on to", "skip", "skip over", "continue to", "continue with", "continue on to", "carry on to", "carry on with", "proceed to", "proceed with", "advance to", "on to", "onto", "over to", "take me to", "bring me to", "get to", "get on to", "let's do", "let's go to", "let's move to", "let's move on to", "let's move onto", "move onto", "pass", "pass on", "leave", "forward to", "switch to"]),
    (NEXT, &["next", "the next", "next one", "the next one", "next task", "the next task", "my next task", "my next one", "next item", "the next item", "next thing", "the next thing", "next to do", "the following task", "the following one", "the following item", "following task", "the one after", "the one after that", "the one after this", "the next one up", "the next up", "next up", "next job", "the next job", "the next in line", "the next one down", "the next one along", "the next entry", "next entry", "the next card", "next card", "the next ticket", "next ticket", "the subsequent task", "the next of my tasks"]),
    (THIS, &["this", "this one", "this task", "this item", "this job", "this thing", "this ticket", "this card", "that one", "that task", "that item", "it", "current", "current one", "current task", "current item", "the current one", "the current task", "the current item", "that", "the present task", "the task", "the one you just read", "the last one you read", "one", "task"]),
    (BUILD, &["build", "the build", "ci", "pipeline", "latest build", "last build", "newest build", "most recent build", "current build", "compile", "compilation", "ci build", "ci run", "latest ci run", "last ci run", "ci pipeline", "build pipeline", "nightly build", "nightly", "main build"]),
    (LOG, &["build log", "build logs", "build output", "build report", "logs of the build", "log of the build", "log of the last build", "log of the latest build", "log for the build", "log from the build", "log from the last build", "log from the latest build", "logs from the build", "logs for the build", "logs from the last build", "logs from the latest build", "output of the build", "build log file", "compiler output", "compile log", "compilation log", "ci log", "ci logs", "pipeline log", "pipeline logs", "the log", "the logs"]),
    (STATE, &["the last lines of", "the last line of", "the last few lines of", "the last part of", "the end of", "the tail of", "the first lines of", "the top of", "the bottom of", "the errors at the end of", "the details of", "details of", "the failing part of", "what is in", "what's in", "say", "says", "said", "say now", "look like", "looks like", "complaining about", "is it red or green", "is it green", "is it red", "is it passing", "is it failing", "did it pass", "did it fail", "if it passed", "if it failed", "if it is green", "if it's green", "if it's red", "if it's passing", "if it's failing", "if it's broken", "whether it passed", "whether it failed", "if it went through", "if it built", "if there are errors", "if there are any errors", "if anything failed", "if something failed", "if something broke", "any errors", "errors if any", "what failed", "which step failed", "where it fails", "why it failed", "why it fails", "why it is failing", "why it's failing", "why it's red", "why it broke", "has it passed", "has it failed", "how it went", "how it's doing", "how it looks", "how it is going", "how it's going", "has anything failed", "status", "state", "the status of", "the state of", "status of", "state of", "result", "results", "the result of", "the results of", "results of", "outcome", "the outcome of", "how", "how is", "how's", "how does", "how did", "look", "looks", "looking", "is looking", "doing", "is doing", "is", "going", "is going", "go", "went", "passed", "has passed", "is passing", "passes", "failed", "has failed", "is failing", "fails", "still failing", "is still failing", "broke", "is broken", "is green", "is red", "green", "red", "went through", "got through", "why", "what broke", "what went wrong", "what went wrong with", "what's wrong with", "what is wrong with", "what happened to", "what happened with", "what's up with", "what's the state of", "what is the state of", "what's the status of", "what is the status of", "whether", "if", "okay", "ok", "went red", "has gone red", "has gone green", "made it", "did", "finish", "finished", "is finished", "compiled", "compiles", "worked", "went green", "is still red", "is still broken", "or not", "or red", "or failed", "or failing", "or broken", "in", "where", "where it failed", "where it broke", "errors", "errors in", "the errors in", "the errors of", "the errors from", "errors from", "failures", "failures in", "summary", "a summary of", "the summary of"]),
    (CHAT, &["conversation", "chat", "the conversation", "the chat", "this conversation", "this chat", "our chat", "our conversation", "chatting", "talking", "the call", "this call"]),
    (THIS_MODE, &["this mode", "the mode", "mode", "current mode", "the current mode", "that mode"]),
    (BOARD, &["task board", "taskboard", "job board", "task wall", "to-do board", "todo board", "to do board", "work board", "my board", "our board", "the board", "kanban", "kanban board", "board of tasks", "board with my tasks", "tasks board", "board"]),
    (TASKS, &["tasks", "task list", "to-do list", "todo list", "to do list", "to-dos", "todos", "to dos", "to-do items", "todo items", "list of tasks", "list of to-dos", "my list", "work items", "action items", "open items", "job list", "jobs list", "list of jobs", "my jobs", "my to-do", "my todo", "my to do", "tasks list", "my day's tasks", "my things to do"]),
    (WHAT, &["what does", "what did", "what do", "what is", "what's", "what comes", "which is", "which one is", "what would be", "what's on", "what is on", "whats on", "what's in", "what is in", "what's left on", "what is left on", "what's left in", "what's still on", "what's still left on", "what all is on", "what all is there on", "what i have on", "what i've got on", "what we have on", "what we've got on", "what i have left on", "what there is on", "everything on", "everything that's on", "all that's on", "whatever is on", "whatever's on", "what", "which", "what are", "which are", "what do i have on", "what have i got on", "what all i have on", "the contents of", "what's there on", "what's there in", "what remains on", "what's waiting on", "what's pending on", "what's open on", "what's up on"]),
    (ADVERB, &[
        "for the shift", "for my shift", "for the morning", "for the afternoon", "for the evening", "for my day", "for my morning", "let's chat", "and let's chat", "so we can chat", "let's just chat",
        "which are assigned to me", "that are assigned to me", "assigned to me", "which are pending", "which are open", "which are left", "that are pending", "that i have to do", "i have to do", "i need to do", "i should do", "that i need to do", "which i have", "which i have to do", "for this week", "for this morning", "for this afternoon", "this week", "that need doing", "that need to be done", "which need to be done", "to be done", "to do today", "in my name", "under my name", "with my name", "i've to do", "on my plate", "due this week", "due now", "that are due today", "with the highest priority", "by priority", "that i haven't finished", "i haven't finished", "i haven't done", "that aren't done", "that are not done", "not done yet", "that are waiting", "waiting for me", "in my queue",
        "quick", "fast", "right now", "now", "at once", "straight away", "straightaway", "right away", "again", "once more", "one more time", "out", "out loud", "aloud", "loud", "one by one", "one at a time", "in order", "line by line", "from the top", "from the start", "from the beginning", "in full", "first", "too", "as well", "also", "here", "there", "then",    "to me", "to us", "for me", "for us", "for everyone", "for the team", "for the group", "for all of us", "to everyone", "with me", "with us", "on screen", "on the screen", "on the big screen", "on the display", "on the speaker", "in here", "immediately", "this minute", "this instant", "once again",   "me", "us", "so i can see", "so we can see", "so i can see it", "so i can hear it", "so we can all see", "so we can begin", "so we can start", "so i can start", "and", "or so", "please", "i have", "i've got", "that i have", "that i've got", "i still have", "i have left", "that are left", "that are open", "that are still open", "that are due", "still open", "still left", "left over", "remaining", "pending", "outstanding", "today", "for today", "of today", "for the day", "of the day", "due today", "at the moment", "currently", "at present", "as of now", "for this shift",         "from the system", "starting now", "from now on", "from now onwards", "from now onward", "onwards", "from now", "from this moment on", "from this moment onwards", "from this very moment", "starting from now", "starting right now", "starting this minute", "beginning now", "beginning right now", "from right now", "as of this moment", "at this point", "for the record", "in the background", "this time", "this time around", "on my behalf", "on our behalf", "at your end", "from your side", "for the minutes", "from here on", "from this point", "from this point on", "as we speak", "as we go", "as we talk", "the whole time", "throughout", "ourselves", "myself", "anyway",
        "voice", "with your voice", "by voice", "in the meantime", "for a start", "with the team", "with the client", "with the others",
    ]),
    (DETERMINER, &[
        "a", "an", "the", "my", "our", "this", "that", "these", "those", "your", "today's", "all", "all my", "all the", "all of my", "all of the", "all our", "some", "any", "current", "latest", "the latest", "last", "the last", "most recent", "newest", "whole", "entire", "the whole", "the entire", "full", "rest of the", "the rest of the", "rest of my", "the rest of my", "remaining", "the remaining", "my remaining", "open", "pending", "outstanding", "my open", "my pending", "my outstanding", "my own", "own", "me the", "me my", "us the", "us our", "weekly", "daily", "monthly", "quarterly", "morning", "regular", "usual", "quick", "short", "little", "detailed", "proper", "good", "complete", "official", "formal", "team", "team's", "group", "video", "online", "client", "customer", "project", "status", "planning", "budget", "staff", "board", "department", "departmental", "sales", "company", "weekly team", "personal", "urgent", "unfinished", "assigned", "scheduled", "work", "task", "meeting", "audio", "for the", "of the", "of our", "of my", "of this", "of all", "of", "for", "from the", "from my", "from our", "from this", "on the", "on my", "on our", "in the", "in my", "in our", "about the", "to the", "to my", "with the", "with my", "down the", "down", "up the", "up my", "out the", "out my",
    ]),
];

/// Nouns for a meeting, which may follow an unlisted name.
pub const NAMED_NOUNS: [&str; 8] =
    ["meeting", "conference", "stand-up", "standup", "review", "retro", "briefing", "workshop"];
pub const NAMED_LIST_NOUNS: [&str; 8] =
    ["task board", "taskboard", "task list", "to-do list", "todo list", "to do list", "tasks", "to-dos"];

/// Words that end with -ly and are no adverbs of manner.
#[rustfmt::skip]
pub const NOT_ADVERBS: &[&str] = &[
    "only", "early", "nearly", "hardly", "barely", "rarely", "scarcely", "supposedly", "apparently", "allegedly", "reportedly", "accidentally", "possibly", "probably", "hopefully", "normally", "typically", "usually", "generally", "occasionally", "frequently", "eventually", "previously", "originally", "initially", "recently", "lately", "annually", "yearly", "hourly", "nightly", "reply", "apply", "supply", "rely", "family", "fly", "july", "italy", "seemingly",
];

/// Words that exclude a person after "for" and "with": times and other purposes.
#[rustfmt::skip]
pub const NOT_PEOPLE: &[&str] = &[
    "tomorrow", "tonight", "later", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "noon", "minute", "minutes", "hour", "hours", "second", "seconds", "moment", "moments", "bit", "while", "lunch", "dinner", "breakfast", "fun", "nothing", "free", "good", "ever", "sure", "real", "once", "time", "today", "day", "days", "sec", "break", "coffee", "prayer", "joke", "smile", "song", "cake", "bang",
];

/// Words that exclude a name.
pub const NOT_IN_NAMES: [&str; 24] = [
    "of", "the", "a", "an", "in", "at", "on", "for", "to", "and", "with", "from", "by", "about", "my", "our", "your",
    "this", "that", "i", "we", "you", "wrong", "other",
];

/// Subjects of a remark.
pub const SUBJECTS: [&str; 16] = [
    "the",
    "my",
    "our",
    "everyone",
    "everyone's",
    "everybody",
    "everybody's",
    "we",
    "we're",
    "we've",
    "i",
    "i'm",
    "i've",
    "it's",
    "all",
    "both",
];
/// Verbs of a remark.
pub const STATES: [&str; 9] = ["is", "are", "has", "have", "am", "just", "i'm", "i've", "we've"];
/// Words with 's that are no person who could arrive.
pub const NOT_PEOPLE_WITH_S: [&str; 8] =
    ["that's", "what's", "who's", "there's", "how's", "where's", "meeting's", "let's"];

/// Gerunds after "would you mind".
pub const GERUNDS: &[(Sense, &[&str])] = &[
    (TAKE, &["taking", "taking down", "keeping", "doing", "writing", "jotting down"]),
    (
        RECORD | UNAMBIGUOUS,
        &[
            "recording",
            "transcribing",
            "taking notes of",
            "taking minutes of",
            "taking notes for",
            "taking minutes for",
        ],
    ),
    (
        OPEN,
        &["starting", "opening", "opening up", "beginning", "launching", "kicking off", "turning on", "switching on"],
    ),
    (ENTER, &["switching to", "switching over to", "going to", "going into", "moving to", "changing to", "entering"]),
    (
        SHOW,
        &[
            "showing",
            "showing me",
            "showing us",
            "reading",
            "reading me",
            "reading us",
            "reading out",
            "listing",
            "checking",
            "looking at",
            "having a look at",
            "pulling up",
            "bringing up",
            "putting up",
            "going through",
            "running through",
            "telling me",
            "giving me",
        ],
    ),
    (
        END,
        &[
            "ending",
            "stopping",
            "closing",
            "finishing",
            "leaving",
            "exiting",
            "quitting",
            "turning off",
            "switching off",
            "shutting down",
            "wrapping up",
            "closing down",
        ],
    ),
    (MOVE, &["going on to", "moving on to", "skipping to", "jumping to"]),
    (TICK | UNAMBIGUOUS, &["ticking off", "checking off", "crossing off"]),
];
